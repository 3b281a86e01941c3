package dev.backstep;

import dev.backstep.catalog.AdminQueries;
import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.DatabaseVersion;
import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.Ledgers;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.Removals;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoreTests;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.Restores;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.cli.Engine;
import dev.backstep.cli.RepositoryVerbs;
import dev.backstep.cli.RetentionVerbs;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.AdminReports;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ReplicationDocument;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.RestoreTestJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.Verification;
import dev.backstep.job.VerifyJobs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import javax.sql.DataSource;
import liquibase.integration.spring.SpringLiquibase;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.LazyInitializationExcludeFilter;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/** The engine that is a Spring context in this process. */
final class SpringEngine implements Engine {

  /** In the place of an address. */
  private static final String LOCAL = "local";

  private final ConfigurableApplicationContext context;

  private SpringEngine(ConfigurableApplicationContext context) {
    this.context = context;
  }

  /**
   * Starts a context; see {@link Engine.Starter}. Without jobs to run, only what is asked for is
   * made, the tables apart.
   */
  static Engine start(Path home, boolean runsJobs, boolean verbose) {
    makeFolder(home);
    SpringApplication application = new SpringApplication(BackstepApplication.class);
    if (runsJobs) {
      application.addPrimarySources(List.of(JobsConfiguration.class));
    }
    application.setWebApplicationType(WebApplicationType.NONE);
    application.setLogStartupInfo(false);
    // The program stops the command first, then closes the context.
    application.setRegisterShutdownHook(false);
    application.setLazyInitialization(!runsJobs);
    application.addInitializers(context ->
        ((GenericApplicationContext) context)
            .registerBean(
                LazyInitializationExcludeFilter.class,
                () -> LazyInitializationExcludeFilter.forBeanTypes(SpringLiquibase.class)));
    List<String> properties = new ArrayList<>();
    properties.add("--backstep.home=" + home);
    // Else an application.yaml that lies in the working folder by chance would be read, too.
    properties.add("--spring.config.location=classpath:/");
    if (verbose) {
      properties.add("--logging.threshold.console=INFO");
    } else {
      // A start that fails is the command's to tell, in one line.
      properties.add("--logging.level.org.springframework.boot.SpringApplication=OFF");
      properties.add("--logging.level.org.springframework.boot.diagnostics=OFF");
      properties.add("--logging.level.org.springframework.context=ERROR");
    }
    SpringEngine engine = run(application, properties, home);
    if (runsJobs) {
      engine.jobs().recoverDead();
      engine.jobs().closeSnapshots();
      engine.context.getBean(ReplicationJobs.class).closeSnapshots();
    } else if (engine.seesDead()) {
      // Putting it right takes what runs jobs.
      engine.close();
      return start(home, true, verbose);
    }
    return engine;
  }

  private static SpringEngine run(
      SpringApplication application, List<String> properties, Path home) {
    try {
      return new SpringEngine(application.run(properties.toArray(String[]::new)));
    } catch (RuntimeException e) {
      throw StartFailure.explained(home, e);
    }
  }

  /**
   * Whether a process that died has left something to put right; cheap enough for every command.
   */
  private boolean seesDead() {
    return !queries().snapshotsToClose(Instant.now()).isEmpty()
        || !context.getBean(Removals.class).unfinished().isEmpty()
        || !context.getBean(TaskQueries.class).dead().isEmpty()
        || !context.getBean(ReplicationQueries.class).snapshotsToClose(Instant.now()).isEmpty()
        || queries().running().stream().anyMatch(backup -> !queries().ownerAlive(backup.id()));
  }

  static void makeFolder(Path home) {
    try {
      Files.createDirectories(home);
    } catch (IOException e) {
      throw new UncheckedIOException(
          home + ": cannot be made, and state needs a folder; --home names another (" + e + ")", e);
    }
  }

  private BackupJobs jobs() {
    return context.getBean(BackupJobs.class);
  }

  @Override
  public BackupRun launch(JobDefinition definition, RequestedLevel level) {
    return jobs().launch(definition, level);
  }

  @Override
  public BackupRun relaunch(String id) {
    return jobs().relaunch(id);
  }

  @Override
  public void stop(String id) {
    jobs().stop(id);
  }

  @Override
  public void abandon(String id) {
    jobs().abandon(id);
  }

  @Override
  public void recover(String id, boolean force) {
    jobs().recover(id, force);
  }

  @Override
  public void delete(String id) {
    context.getBean(RestorePointRemoval.class).delete(id);
  }

  @Override
  public TaskRun verify(Optional<BackupId> backup, boolean whole) {
    return context.getBean(VerifyJobs.class).verify(backup, whole);
  }

  @Override
  public TaskRun boot(String id, BootSettings settings) {
    return context.getBean(RestoreTestJobs.class).boot(id, settings);
  }

  @Override
  public TaskRun run(String id, RunSettings settings) {
    return context.getBean(RestoreTestJobs.class).run(id, settings);
  }

  @Override
  public Optional<RestoreTestRow> restoreTest(String id) {
    return context.getBean(RestoreTests.class).find(id);
  }

  @Override
  public TaskRun restore(RestoreRequest request) {
    return context.getBean(RestoreJobs.class).restore(request);
  }

  @Override
  public List<RestoredDisk> restoredDisks(String id) {
    return context.getBean(Restores.class).disks(id);
  }

  @Override
  public Optional<String> supersededBy(String restore) {
    return context.getBean(Restores.class).supersededBy(restore);
  }

  @Override
  public TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify) {
    return context.getBean(ReplicationJobs.class).replicate(definition, level, verify);
  }

  @Override
  public Map<String, @Nullable Object> replication(String id) {
    return ReplicationDocument.fields(
        context
            .getBean(ReplicationQueries.class)
            .run(id)
            .orElseThrow(() -> OperatorException.notFound(id + ": no such replication")));
  }

  @Override
  public List<Map<String, @Nullable Object>> replicas(Optional<String> vmPath) {
    ReplicationQueries queries = context.getBean(ReplicationQueries.class);
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    Page.rows(Integer.MAX_VALUE, request -> queries.replicas(vmPath, request))
        .forEach(replica -> rows.add(ReplicationDocument.fields(replica)));
    return rows;
  }

  @Override
  public TaskRun relaunchTask(String id) {
    return context.getBean(TaskJobs.class).relaunch(id);
  }

  @Override
  public void stopTask(String id) {
    context.getBean(TaskJobs.class).stop(id);
  }

  @Override
  public Optional<TaskRow> task(String id) {
    return context.getBean(TaskQueries.class).find(id);
  }

  @Override
  public List<JudgedTask> tasks(Optional<TaskKind> kind, Optional<Status> status, int limit) {
    TaskQueries tasks = context.getBean(TaskQueries.class);
    return Page.rows(limit, request -> tasks.page(kind, status, request));
  }

  @Override
  public RetentionVerbs retention() {
    return new SpringRetention(context);
  }

  @Override
  public RepositoryVerbs repositories() {
    return new SpringRepositories(context);
  }

  @Override
  public Optional<Verification> verification(String id) {
    VerificationQueries verifications = context.getBean(VerificationQueries.class);
    return verifications
        .find(id)
        .map(row ->
            new Verification(
                row,
                verifications.images(id),
                Page.rows(Integer.MAX_VALUE, request -> verifications.findings(id, request))));
  }

  @Override
  public Optional<BackupRow> find(String id) {
    Optional<BackupRow> row = queries().named(id);
    return row.map(context.getBean(Ledgers.class)::in);
  }

  @Override
  public List<BackupRow> list(Optional<String> vmName, int limit) {
    return context.getBean(Ledgers.class).in(queries().list(vmName, limit));
  }

  @Override
  public boolean ownerAlive(BackupRow backup) {
    return queries().ownerAlive(backup.id());
  }

  @Override
  public Optional<StoredChangeId> changeId(String vmName, int diskId) {
    return queries().changeId(vmName, diskId, Optional.empty());
  }

  @Override
  public Page<Map<String, @Nullable Object>> report(
      AdminReport report, AdminFilter filter, PageRequest request) {
    return new AdminReports(context.getBean(AdminQueries.class), queries())
        .page(report, filter, request);
  }

  @Override
  public IntConsumer record(String action) {
    AuditTrail audit = context.getBean(AuditTrail.class);
    long row = audit.begin(user(), LOCAL, action);
    return status -> audit.ended(row, status);
  }

  /** Who types the commands, as far as the host knows. */
  static String user() {
    return System.getProperty("user.name", "unknown") + " on the command line";
  }

  @Override
  public String database() {
    DatabaseVersion version = DatabaseVersion.of(context.getBean(DataSource.class));
    return version.product() + " at " + version.url() + ", tables as of " + version.schema();
  }

  @Override
  public List<String> vmNames() {
    return queries().vmNames();
  }

  private BackupQueries queries() {
    return context.getBean(BackupQueries.class);
  }

  @Override
  public void close() {
    context.close();
  }
}
