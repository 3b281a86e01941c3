package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.FireRow;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Status;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.quartz.JobDetail;
import org.quartz.JobExecutionContext;
import org.quartz.JobExecutionException;
import org.quartz.JobKey;
import org.quartz.Scheduler;
import org.quartz.SchedulerException;
import org.quartz.Trigger;
import org.quartz.impl.matchers.KeyMatcher;
import org.quartz.listeners.JobListenerSupport;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.ApplicationContext;
import org.springframework.scheduling.quartz.SchedulerFactoryBean;

/** The real scheduler, by the machine's clock; run on each database. */
abstract class SchedulerRules extends ScheduleTest {

  private static final String NIGHTLY = "cron: \"0 0 1 * * ?\", zone: UTC";

  @Autowired ApplicationContext context;

  private List<FireRow> all() {
    List<FireRow> all = new ArrayList<>();
    Optional<String> after = Optional.empty();
    do {
      Page<FireRow> page =
          fires.page(
              Optional.empty(), Instant.EPOCH, new PageRequest(after, PageRequest.LIMIT_MAX));
      all.addAll(page.items());
      after = page.next();
    } while (after.isPresent());
    return all;
  }

  private List<FireRow> awaitFires(int count) throws InterruptedException {
    for (int i = 0; i < 600; i++) {
      List<FireRow> found = all();
      if (found.stream().filter(fire -> fire.outcome() != FireOutcome.PENDING).count() >= count) {
        return found;
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    throw new AssertionError("expected " + count + " fires, found " + all().size());
  }

  private void dueAt(Instant time) {
    jdbc.sql("update QRTZ_TRIGGERS set NEXT_FIRE_TIME = :time")
        .param("time", time.toEpochMilli())
        .update();
  }

  /** No fire is lost and no limit is passed. */
  @Test
  void thousandSchedulesOfTheSameSecond() throws Exception {
    int count = 1000;
    for (int i = 0; i < count; i++) {
      define(vm("a" + i), NIGHTLY);
    }
    reload().run();
    Instant due = Instant.now().truncatedTo(ChronoUnit.SECONDS).plusSeconds(1);
    dueAt(due);

    scheduler.start();
    List<FireRow> found = awaitFires(count);
    scheduler.standby();

    assertThat(found)
        .hasSize(count)
        .allSatisfy(fire -> assertThat(fire.scheduledAt()).isEqualTo(due))
        .allSatisfy(fire -> assertThat(fire.outcome()).isEqualTo(FireOutcome.QUEUED));

    clock.set(due.plusSeconds(60));
    Dispatcher dispatcher = dispatcher();
    Set<BackupId> done = new HashSet<>();
    for (int round = 1; round <= 20; round++) {
      dispatcher.round();
      List<BackupId> begun = new ArrayList<>(jobs.begun(3 * round));
      assertThat(queue.load()).hasSize(3);
      begun.removeAll(done);
      begun.forEach(id -> jobs.ends(id, Status.FAILED, "of the test"));
      done.addAll(begun);
    }
    assertThat(done).hasSize(60);
  }

  /** No server ran for three nights: each of them is recorded, the last one is made up for. */
  @Test
  void firesThatWereMissedAreDeliveredOneByOne() throws Exception {
    define(vm("once"), NIGHTLY);
    define(vm("skip"), NIGHTLY + ", misfire: skip");
    clock.set(Instant.now().minus(Duration.ofDays(3)));
    reload().run();
    clock.set(Instant.now());

    scheduler.start();
    awaitFires(6);

    assertThat(fires.page(Optional.of(vm("once")), Instant.EPOCH, PageRequest.first(9)).items())
        .extracting(FireRow::outcome)
        .containsExactly(FireOutcome.QUEUED, FireOutcome.SKIPPED, FireOutcome.SKIPPED);
    assertThat(fires.page(Optional.of(vm("skip")), Instant.EPOCH, PageRequest.first(9)).items())
        .hasSize(3)
        .allSatisfy(fire -> assertThat(fire.outcome()).isEqualTo(FireOutcome.SKIPPED));
  }

  @Test
  void twoServersShareTheTriggers() throws Exception {
    List<String> vms = List.of(vm("a"), vm("b"), vm("c"), vm("d"));
    for (String vm : vms) {
      define(vm, "cron: \"* * * * * ?\"");
    }
    reload().run();
    SchedulerFactoryBean other = Application.quartzScheduler(context, dataSource, transactions);
    other.afterPropertiesSet();
    AtomicInteger here = count(scheduler);
    AtomicInteger there = count(other.getScheduler());

    scheduler.start();
    other.start();
    awaitFires(5 * vms.size());
    other.destroy();
    scheduler.standby();
    TimeUnit.MILLISECONDS.sleep(300);

    assertThat(all()).hasSize(here.get() + there.get());
    for (String vm : vms) {
      List<FireRow> of = fires.page(Optional.of(vm), Instant.EPOCH, PageRequest.first(100)).items();
      Instant last = of.getFirst().scheduledAt();
      assertThat(of)
          .extracting(fire -> Duration.between(fire.scheduledAt(), last).toSeconds())
          .as("each second once")
          .startsWith(0L, 1L, 2L, 3L, 4L)
          .doesNotHaveDuplicates();
      // Which fire comes first where a server is late by a second is not promised.
      assertThat(of)
          .extracting(FireRow::outcome)
          .as("one waits, all others find it waiting")
          .containsOnlyOnce(FireOutcome.QUEUED)
          .containsOnly(FireOutcome.QUEUED, FireOutcome.SKIPPED);
      assertThat(queries.list(Optional.of(vm), 9)).hasSize(1);
    }
  }

  private static AtomicInteger count(Scheduler node) throws SchedulerException {
    AtomicInteger count = new AtomicInteger();
    node.getListenerManager()
        .addJobListener(
            new JobListenerSupport() {
              @Override
              public String getName() {
                return "count";
              }

              @Override
              public void jobWasExecuted(JobExecutionContext fired, JobExecutionException failed) {
                count.incrementAndGet();
              }
            });
    return count;
  }

  /** As the program declares it, on its own settings: 400 days for fires. */
  @Test
  void housekeepingGoesOnAfterARunThatFailed() throws Exception {
    Instant old = Instant.now().minus(Duration.ofDays(401));
    ScheduleConfiguration program = new ScheduleConfiguration();
    JobDetail job = program.housekeepingJob();
    Trigger trigger = program.housekeepingTrigger(job);
    assertThat(Duration.between(Instant.now(), trigger.getStartTime().toInstant()))
        .isBetween(Duration.ofMinutes(9), Duration.ofMinutes(11));
    fires.begin(vm("old"), old);
    fires.begin(vm("young"), old.plus(Duration.ofDays(2)));
    BlockingQueue<Optional<JobExecutionException>> runs = runs(job.getKey());

    jdbc.sql("alter table fires rename to fires_away").update();
    try {
      scheduler.scheduleJob(job, trigger.getTriggerBuilder().startNow().build());
      scheduler.start();
      assertThat(runs.poll(60, TimeUnit.SECONDS)).isNotNull().isNotEmpty();
    } finally {
      jdbc.sql("alter table fires_away rename to fires").update();
    }

    awaitNormal(trigger);
    scheduler.standby();
    Trigger left = scheduler.getTrigger(trigger.getKey());
    assertThat(Duration.between(Instant.now(), left.getNextFireTime().toInstant()))
        .isBetween(Duration.ofHours(23), Duration.ofHours(24));
    assertThat(all()).hasSize(2);

    dueAt(Instant.now());
    scheduler.start();
    assertThat(runs.poll(60, TimeUnit.SECONDS)).isNotNull().isEmpty();

    assertThat(all()).extracting(FireRow::vmName).containsExactly(vm("young"));
    awaitNormal(trigger);
  }

  /** The store hears of the end of a run after its listeners. */
  private void awaitNormal(Trigger trigger) throws Exception {
    for (int i = 0;
        i < 200 && scheduler.getTriggerState(trigger.getKey()) != Trigger.TriggerState.NORMAL;
        i++) {
      TimeUnit.MILLISECONDS.sleep(50);
    }
    assertThat(scheduler.getTriggerState(trigger.getKey())).isEqualTo(Trigger.TriggerState.NORMAL);
  }

  /** How each run of a job ends. */
  private BlockingQueue<Optional<JobExecutionException>> runs(JobKey job)
      throws SchedulerException {
    BlockingQueue<Optional<JobExecutionException>> runs = new LinkedBlockingQueue<>();
    scheduler
        .getListenerManager()
        .addJobListener(
            new JobListenerSupport() {
              @Override
              public String getName() {
                return "runs of " + job;
              }

              @Override
              public void jobWasExecuted(JobExecutionContext fired, JobExecutionException failed) {
                runs.add(Optional.ofNullable(failed));
              }
            },
            KeyMatcher.keyEquals(job));
    return runs;
  }

  /** It had taken the fire from the store and recorded nothing. */
  @Test
  void fireInTheHandsOfADeadServerIsDeliveredAgain() throws Exception {
    define(vm("a"), NIGHTLY);
    reload().run();
    Instant due = Instant.now().truncatedTo(ChronoUnit.SECONDS).minusSeconds(20);
    String name = scheduler.getSchedulerName();
    jdbc.sql("insert into QRTZ_SCHEDULER_STATE values (:name, 'dead', :then, 1000)")
        .param("name", name)
        .param("then", due.toEpochMilli())
        .update();
    jdbc.sql(
            """
            insert into QRTZ_FIRED_TRIGGERS (SCHED_NAME, ENTRY_ID, TRIGGER_NAME, TRIGGER_GROUP,
              INSTANCE_NAME, FIRED_TIME, SCHED_TIME, PRIORITY, STATE, JOB_NAME, JOB_GROUP,
              IS_NONCONCURRENT, REQUESTS_RECOVERY)
            values (:name, 'entry', :vm, 'schedule', 'dead', :then, :then, 5, 'EXECUTING',
              'fire', 'schedule', :no, :yes)\
            """)
        .param("name", name)
        .param("vm", vm("a"))
        .param("then", due.toEpochMilli())
        .param("no", scheduler.getSchedulerName().contains("h2") ? "false" : "0")
        .param("yes", scheduler.getSchedulerName().contains("h2") ? "true" : "1")
        .update();

    scheduler.start();
    awaitFires(1);

    assertThat(fire(vm("a")).scheduledAt()).isEqualTo(due);
    assertThat(fire(vm("a")).outcome()).isEqualTo(FireOutcome.QUEUED);
  }
}
