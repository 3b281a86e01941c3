package dev.backstep.schedule;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.catalog.Continuations;
import dev.backstep.catalog.Fires;
import dev.backstep.catalog.ReplicationStarts;
import dev.backstep.catalog.RestoreTestRounds;
import dev.backstep.catalog.ScheduledMachines;
import dev.backstep.catalog.VerifyRounds;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.ReplicationJobs;
import dev.backstep.job.RestoreTestJobs;
import dev.backstep.job.Selections;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.VerifyJobs;
import dev.backstep.job.definition.JobFolder;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.quartz.JobBuilder;
import org.quartz.JobDetail;
import org.quartz.SimpleScheduleBuilder;
import org.quartz.Trigger;
import org.quartz.TriggerBuilder;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Schedules, from the folder of job definitions to running backups:
 *
 * <pre>
 * FolderWatch    the folder changes
 * DefinitionReload      its schedules become triggers
 * FireJob        one fires, on one of the servers
 * FireRecorder          it becomes a backup in the queue, or a record of why not
 * Dispatcher     the backup is begun, on one of the servers
 * VerifyJob      images are verified, and restore points booted, when it is time, on one of the servers
 * </pre>
 */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(ScheduleSettings.class)
@Import(TriggerStore.class)
class ScheduleConfiguration {

  private static final Duration HOUSEKEEPING_DELAY = Duration.ofMinutes(10);
  private static final int HOUSEKEEPING_HOURS = 24;
  private static final Duration VERIFY_DELAY = Duration.ofMinutes(1);

  private final Clock clock = Clock.systemUTC();

  // definitions

  @Bean
  JobFolder scheduledFolder(@Value("${backstep.jobs}") Path folder) {
    return new JobFolder(folder.toAbsolutePath().normalize());
  }

  @Bean
  DefinitionReload definitionReload(
      JobFolder scheduledFolder,
      ScheduledMachines machines,
      TriggerStore triggers,
      PlatformTransactionManager transactions) {
    return new DefinitionReload(
        scheduledFolder, machines, triggers, new TransactionTemplate(transactions), clock);
  }

  @Bean
  FolderWatch folderWatch(
      JobFolder scheduledFolder, DefinitionReload reload, ScheduleSettings settings) {
    return new FolderWatch(scheduledFolder, reload, settings.reloadInterval(), clock);
  }

  @Bean
  Schedules schedules(
      ScheduledMachines machines,
      Fires fires,
      TriggerStore triggers,
      DefinitionReload reload,
      BackupJobs jobs,
      PlatformTransactionManager transactions) {
    return new QuartzSchedules(
        machines, fires, triggers, reload, jobs, new TransactionTemplate(transactions), clock);
  }

  // fires

  @Bean
  JobDetail fireJob() {
    return JobBuilder.newJob(FireJob.class)
        .withIdentity(TriggerStore.FIRE)
        .storeDurably()
        .requestRecovery()
        .build();
  }

  @Bean
  FireRecorder fireRecorder(
      Fires fires,
      ScheduledMachines machines,
      BackupQueue queue,
      Continuations continuations,
      BackupJobs jobs,
      TriggerStore triggers,
      Selections selections,
      JobFolder scheduledFolder,
      DefinitionReload reload,
      ScheduleSettings settings,
      ApplicationEventPublisher events) {
    return new FireRecorder(
        fires,
        machines,
        queue,
        continuations,
        jobs,
        triggers,
        new SelectedNow(
            selections,
            machines,
            // What is not watched is not loaded when it changes.
            settings.reloadInterval().isZero()
                ? () -> DefinitionReload.content(scheduledFolder)
                : reload::loaded),
        settings,
        clock,
        events);
  }

  // queue

  @Bean
  Dispatcher dispatcher(
      BackupJobs jobs,
      TaskJobs tasks,
      BackupQueue queue,
      BackupQueries queries,
      Continuations continuations,
      Fires fires,
      FireRecorder recorder,
      ScheduledMachines machines,
      ProcessLease lease,
      ScheduleSettings settings) {
    WindowEnd windows = new WindowEnd(queries, queue, continuations, jobs);
    GapFires gaps = new GapFires(machines, fires, recorder, clock);
    return new Dispatcher(
        jobs, tasks, queue, continuations, windows, fires, recorder, gaps, lease, settings, clock);
  }

  // replications

  @Bean
  ReplicationFires replicationFires(
      JobFolder scheduledFolder,
      ReplicationJobs jobs,
      TaskJobs tasks,
      ReplicationStarts starts,
      ProcessLease lease,
      ScheduleSettings settings) {
    return new ReplicationFires(scheduledFolder, jobs, tasks, starts, lease, settings, clock);
  }

  // verification

  @Bean
  Verifier verifier(
      ScheduledMachines machines,
      VerifyRounds rounds,
      VerifyJobs jobs,
      TaskJobs tasks,
      ScheduleSettings settings) {
    return new Verifier(machines, rounds, jobs, tasks, settings, clock);
  }

  @Bean
  RestoreTester restoreTester(
      ScheduledMachines machines,
      RestoreTestRounds rounds,
      VerifyRounds verifications,
      RestoreTestJobs jobs,
      ScheduleSettings settings) {
    return new RestoreTester(machines, rounds, verifications, jobs, settings, clock);
  }

  @Bean
  JobDetail verifyRoundsJob() {
    return JobBuilder.newJob(VerifyJob.class).withIdentity("verify").storeDurably().build();
  }

  @Bean
  Trigger verifyTrigger(JobDetail verifyRoundsJob) {
    return TriggerBuilder.newTrigger()
        .withIdentity("verify")
        .forJob(verifyRoundsJob)
        .startAt(Date.from(Instant.now().plus(VERIFY_DELAY)))
        .withSchedule(
            SimpleScheduleBuilder.repeatMinutelyForever()
                .withMisfireHandlingInstructionNextWithRemainingCount())
        .build();
  }

  // housekeeping

  @Bean
  JobDetail housekeepingJob() {
    return JobBuilder.newJob(HousekeepingJob.class)
        .withIdentity("housekeeping")
        .storeDurably()
        .build();
  }

  /** Soon after each start, then daily, so that it also happens where servers come and go. */
  @Bean
  Trigger housekeepingTrigger(JobDetail housekeepingJob) {
    return TriggerBuilder.newTrigger()
        .withIdentity("housekeeping")
        .forJob(housekeepingJob)
        .startAt(Date.from(Instant.now().plus(HOUSEKEEPING_DELAY)))
        .withSchedule(
            SimpleScheduleBuilder.repeatHourlyForever(HOUSEKEEPING_HOURS)
                .withMisfireHandlingInstructionFireNow())
        .build();
  }
}
