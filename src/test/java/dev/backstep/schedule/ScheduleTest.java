package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.MovableClock;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.Selections;
import dev.backstep.job.backup.BackupConfiguration;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.job.definition.JobFolder;
import dev.backstep.source.ListedVm;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import dev.backstep.testing.TemporaryHome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.quartz.JobBuilder;
import org.quartz.JobDetail;
import org.quartz.Scheduler;
import org.quartz.impl.matchers.GroupMatcher;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.DependsOn;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.quartz.SchedulerFactoryBean;
import org.springframework.scheduling.quartz.SpringBeanJobFactory;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Real tables, queue and scheduler store; the scheduler stands, the clock is the test's, and
 * backups that begin are the test's, too.
 */
@SpringBootTest(classes = ScheduleTest.Application.class)
abstract class ScheduleTest {

  private static final Path HOME = TemporaryHome.make();

  static {
    // Logging asks for it before any test property is there.
    System.setProperty("backstep.home", HOME.toString());
  }

  @DynamicPropertySource
  static void home(DynamicPropertyRegistry registry) {
    registry.add("backstep.home", HOME::toString);
  }

  private static final AtomicInteger NUMBER = new AtomicInteger();

  static final ScheduleSettings SETTINGS =
      new ScheduleSettings(
          4,
          2,
          3,
          Duration.ZERO,
          Duration.ofMinutes(5),
          Duration.ofDays(90),
          Duration.ofDays(400),
          Duration.ofDays(400));

  @Autowired BackupJobs realJobs;
  @Autowired BackupQueries queries;
  @Autowired Backups backups;
  @Autowired DataSource dataSource;
  @Autowired TriggerStore triggers;
  @Autowired ProcessLease lease;
  @Autowired Scheduler scheduler;
  @Autowired JdbcClient jdbc;
  @Autowired PlatformTransactionManager transactions;
  @Autowired MovableClock clock;
  @TempDir Path folder;

  BackupQueue queue;
  Continuations continuations;
  Fires fires;
  ScheduledMachines machines;
  JobsDouble jobs;

  /** The machines that selections may find. */
  final List<ListedVm> listed = new ArrayList<>();

  boolean listingFails;

  private final SourceProvider listing =
      new SourceProvider() {
        @Override
        public String type() {
          return "x-simulated";
        }

        @Override
        public VmSource open(SourceDefinition definition, Path runFolder) {
          throw new AssertionError("it only lists");
        }

        @Override
        public List<ListedVm> list(SourceDefinition definition, Path runFolder)
            throws SourceException {
          if (listingFails) {
            throw new SourceException(SourceException.Kind.FAILED, "the daemon starts anew");
          }
          return listed;
        }
      };

  private String prefix = "";

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @Import({CatalogConfiguration.class, BackupConfiguration.class, TriggerStore.class})
  static class Application {

    @Bean
    MovableClock movableClock() {
      return new MovableClock(Instant.now());
    }

    @Bean
    ScheduleSettings scheduleSettings() {
      return SETTINGS;
    }

    /** As the program has it; the job's tests, which are scanned, leave Boot's own out. */
    @Bean
    @DependsOn("schemaMigration")
    static SchedulerFactoryBean quartzScheduler(
        ApplicationContext context, DataSource dataSource, PlatformTransactionManager manager) {
      Properties properties = new Properties();
      Binder.get(context.getEnvironment())
          .bind("spring.quartz.properties", Bindable.mapOf(String.class, String.class))
          .get()
          .forEach(properties::setProperty);
      SpringBeanJobFactory jobs = new SpringBeanJobFactory();
      jobs.setApplicationContext(context);
      SchedulerFactoryBean factory = new SchedulerFactoryBean();
      factory.setSchedulerName(context.getEnvironment().getRequiredProperty("test.scheduler"));
      factory.setQuartzProperties(properties);
      factory.setDataSource(dataSource);
      factory.setTransactionManager(manager);
      factory.setJobFactory(jobs);
      factory.setJobDetails(fireJob());
      factory.setOverwriteExistingJobs(true);
      factory.setAutoStartup(false);
      factory.setWaitForJobsToCompleteOnShutdown(true);
      return factory;
    }

    private static JobDetail fireJob() {
      return JobBuilder.newJob(FireJob.class)
          .withIdentity(TriggerStore.FIRE)
          .storeDurably()
          .requestRecovery()
          .build();
    }

    @Bean
    FireRecorder fireRecorder(
        DataSource dataSource,
        PlatformTransactionManager transactions,
        BackupJobs jobs,
        TriggerStore triggers,
        MovableClock clock) {
      return recorder(
          dataSource,
          transactions,
          jobs,
          triggers,
          new Selections(List.of(), Path.of(".")),
          () -> DefinitionReload.content(new JobFolder(Path.of("none"))),
          clock);
    }
  }

  @BeforeEach
  void begin() throws IOException {
    prefix = "vm" + NUMBER.incrementAndGet() + "-";
    queue = new BackupQueue(dataSource, transactions, clock);
    continuations = new Continuations(dataSource, clock);
    fires = new Fires(dataSource, clock);
    machines = new ScheduledMachines(dataSource, clock);
    jobs = new JobsDouble(realJobs, backups, queries, lease);
    Files.createDirectory(folder.resolve("jobs"));
    clock.set(Instant.now());
  }

  /** Nothing of a test is left for the next one on the same tables. */
  @AfterEach
  void clear() throws Exception {
    scheduler.standby();
    scheduler.unscheduleJobs(List.copyOf(scheduler.getTriggerKeys(GroupMatcher.anyGroup())));
    for (String calendar : scheduler.getCalendarNames()) {
      scheduler.deleteCalendar(calendar);
    }
    jdbc.sql("delete from schedules").update();
    jdbc.sql("delete from fires").update();
    jdbc.sql("update backups set status = 'ABANDONED', active_vm_id = null, start_after = null")
        .update();
  }

  /** A name that no other test has. */
  String vm(String name) {
    return prefix + name;
  }

  /** The text of a definition; its repository is made at first use. */
  String yaml(String vm, String schedule) {
    return """
    vm: %s
    source: { type: x-simulated, machine: %s, host: %s }
    repository: %s
    schedule: { %s }
    """
        .formatted(vm, vm, vm.replaceFirst(".*@", ""), folder.resolve("repository"), schedule);
  }

  Path define(String vm, String schedule) throws IOException {
    return Files.writeString(folder.resolve("jobs/" + vm + ".yaml"), yaml(vm, schedule));
  }

  DefinitionReload reload() {
    return new DefinitionReload(
        new JobFolder(folder.resolve("jobs")),
        machines,
        triggers,
        new TransactionTemplate(transactions),
        clock);
  }

  FireRecorder recorder() {
    return recorder(() -> DefinitionReload.content(new JobFolder(folder.resolve("jobs"))));
  }

  FireRecorder recorder(Supplier<JobFolder.Content> definitions) {
    return recorder(
        dataSource,
        transactions,
        jobs,
        triggers,
        new Selections(List.of(listing), folder),
        definitions,
        clock);
  }

  private static FireRecorder recorder(
      DataSource dataSource,
      PlatformTransactionManager transactions,
      BackupJobs jobs,
      TriggerStore triggers,
      Selections selections,
      Supplier<JobFolder.Content> definitions,
      Clock clock) {
    ScheduledMachines machines = new ScheduledMachines(dataSource, clock);
    return new FireRecorder(
        new Fires(dataSource, clock),
        machines,
        new BackupQueue(dataSource, transactions, clock),
        new Continuations(dataSource, clock),
        jobs,
        triggers,
        new SelectedNow(selections, machines, definitions),
        SETTINGS,
        clock,
        event -> {});
  }

  Dispatcher dispatcher() {
    return dispatcher(SETTINGS);
  }

  Dispatcher dispatcher(ScheduleSettings settings) {
    WindowEnd windows = new WindowEnd(queries, queue, continuations, jobs);
    FireRecorder recorder = recorder();
    GapFires gaps = new GapFires(machines, fires, recorder, clock);
    return new Dispatcher(
        jobs,
        new NoTasks(),
        queue,
        continuations,
        windows,
        fires,
        recorder,
        gaps,
        lease,
        settings,
        clock);
  }

  Schedules schedules() {
    return new QuartzSchedules(
        machines,
        fires,
        triggers,
        reload(),
        realJobs,
        new TransactionTemplate(transactions),
        clock);
  }

  /** The one fire of a VM. */
  FireRow fire(String vm) {
    List<FireRow> all = fires.page(Optional.of(vm), Instant.EPOCH, PageRequest.first(10)).items();
    if (all.size() != 1) {
      throw new AssertionError("expected one fire of " + vm + ", found " + all);
    }
    return all.getFirst();
  }

  BackupRow newest(String vm) {
    return queries.list(Optional.of(vm), 1).getFirst();
  }

  JobDefinition definition(String vm, String schedule) {
    return JobDefinitions.read(yaml(vm, schedule));
  }

  static VmId id(String vm) {
    return VmId.ofName(vm);
  }
}
