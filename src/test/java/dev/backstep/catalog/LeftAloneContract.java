package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.FireOutcome;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/** What no living process runs, and starts that no server took, on any database. */
abstract class LeftAloneContract extends AdminTest {

  @Test
  void whatADeadProcessRanIsStuckAndSoIsAnExecutionOfNobody() throws Exception {
    long dead = deadLease(7);
    BackupId id = catalog.begin(vm, dead);
    BackupId alive = catalog.begin(anotherVm(), lease);
    execution(100 + lease, "STARTED");
    execution(200 + lease, "UNKNOWN");
    execution(300 + lease, "COMPLETED");

    List<StuckExecution> stuck = admin.stuck();

    assertThat(stuck)
        .filteredOn(row -> row.backup().equals(Optional.of(id)))
        .singleElement()
        .satisfies(row -> {
          assertThat(row.status()).contains(Status.RUNNING);
          assertThat(row.batchStatus()).isEmpty();
          assertThat(row.host()).contains("another-host");
          assertThat(row.processId()).hasValue(7);
          assertThat(row.leaseEnd().orElseThrow()).isBefore(clock.instant());
        });
    assertThat(stuck)
        .extracting(row -> row.executionId().orElse(0))
        .contains(100 + lease, 200 + lease)
        .doesNotContain(300 + lease);
    assertThat(stuck).extracting(StuckExecution::backup).doesNotContain(Optional.of(alive));
    assertThat(file("stuck.sql", "backup_id")).contains(id.value()).doesNotContain(alive.value());
    assertThat(file("stuck.sql", "execution_id"))
        .contains(String.valueOf(100 + lease), String.valueOf(200 + lease))
        .doesNotContain(String.valueOf(300 + lease));
    assertThat(running(id).ownerAlive()).isFalse();
    catalog.backups.ended(id, dead, Status.FAILED, Optional.of("gone"));
    assertThat(admin.stuck()).extracting(StuckExecution::backup).doesNotContain(Optional.of(id));
  }

  /** Batch has committed it, the backup or task does not name it yet. */
  @Test
  void anExecutionThatBeginsJustNowIsNotStuck() throws Exception {
    BackupId backup = catalog.begin(anotherVm(), lease);
    String task = task("beginning", lease, OptionalLong.empty());
    execution(600 + lease, "STARTING");
    parameter(600 + lease, backup.value());
    execution(700 + lease, "STARTED");
    parameter(700 + lease, task);

    assertThat(admin.stuck())
        .extracting(row -> row.executionId().orElse(0))
        .doesNotContain(600 + lease, 700 + lease);
    assertThat(file("stuck.sql", "execution_id"))
        .doesNotContain(String.valueOf(600 + lease), String.valueOf(700 + lease));
    catalog.backups.ended(backup, lease, Status.FAILED, Optional.of("none"));
    assertThat(admin.stuck())
        .as("its backup does not run")
        .extracting(row -> row.executionId().orElse(0))
        .contains(600 + lease);
    assertThat(file("stuck.sql", "execution_id")).contains(String.valueOf(600 + lease));
  }

  @Test
  void aTaskIsStuckUnderADeadLeaseAndNotUnderALivingOne() throws Exception {
    long dead = deadLease(8);
    String alive = task("alive", lease, OptionalLong.of(400 + lease));
    String orphan = task("orphan", dead, OptionalLong.of(500 + lease));
    String unborn = task("unborn", dead, OptionalLong.empty());
    execution(400 + lease, "STARTED");
    execution(500 + lease, "STARTED");

    List<StuckExecution> stuck = admin.stuck();

    assertThat(stuck)
        .extracting(StuckExecution::task)
        .contains(Optional.of(orphan), Optional.of(unborn))
        .doesNotContain(Optional.of(alive));
    assertThat(stuck)
        .filteredOn(row -> row.task().equals(Optional.of(orphan)))
        .singleElement()
        .satisfies(row -> {
          assertThat(row.executionId()).hasValue(500 + lease);
          assertThat(row.batchStatus()).contains("STARTED");
          assertThat(row.backup()).isEmpty();
          assertThat(row.status()).contains(Status.RUNNING);
          assertThat(row.processId()).hasValue(8);
        });
    assertThat(stuck).extracting(row -> row.executionId().orElse(0)).doesNotContain(400 + lease);
    assertThat(file("stuck.sql", "task_id")).contains(orphan, unborn).doesNotContain(alive);
    assertThat(file("stuck.sql", "execution_id"))
        .contains(String.valueOf(500 + lease))
        .doesNotContain(String.valueOf(400 + lease));
  }

  @Test
  void aStartIsMissedWhenItWasSkippedOrNoServerTookIt() {
    Instant due = Instant.parse("2036-02-03T01:00:00Z"); // later than what other tests leave
    Fires fires = new Fires(catalog.dataSource, clock);
    fires.begin(vm.value(), due);
    fires.ended(vm.value(), due, FireOutcome.SKIPPED, Optional.of("busy"), Optional.empty());
    Instant later = due.plus(Duration.ofDays(1));
    fires.begin(vm.value(), later);
    fires.ended(vm.value(), later, FireOutcome.QUEUED, Optional.empty(), Optional.empty());
    new ScheduledMachines(catalog.dataSource, clock).add(vm, vm.value(), "vm.yaml", "vm: vm");
    catalog.trigger(vm.value(), "WAITING", due.plus(Duration.ofDays(2)));

    List<MissedStart> missed = missed(due, due.plus(Duration.ofDays(3)));

    assertThat(missed)
        .extracting(MissedStart::outcome, start -> start.reason().orElse(""))
        .containsExactly(tuple("DUE", ""), tuple("SKIPPED", "busy"));
    assertThat(missed.getFirst().scheduledAt()).isEqualTo(due.plus(Duration.ofDays(2)));
    assertThat(missed(later, due.plus(Duration.ofDays(2)))).isEmpty();
    catalog.jdbc.sql("update QRTZ_TRIGGERS set TRIGGER_STATE = 'PAUSED'").update();
    assertThat(missed(later, due.plus(Duration.ofDays(3)))).isEmpty();
    assertThat(admin.missed(due, due, PageRequest.first(1)).next()).isEmpty();
  }

  /** H2 adds numbers of 32 bits only, and may add before it leaves rows out. */
  @Test
  void aScheduleOfTheFarFutureHidesNoMissedStart() throws Exception {
    Instant due = Instant.parse("2036-05-03T01:00:00Z");
    VmId late = scheduled("WAITING", due);
    VmId far = scheduled("WAITING", Instant.parse("2099-12-31T23:59:59Z"));

    assertThat(ids(admin.missed(due, due.plusSeconds(60), MANY), MissedStart::vmName))
        .contains(late.value())
        .doesNotContain(far.value());
    assertThat(admin.missed(due, Instant.parse("2100-01-01T00:00:00Z"), MANY).items())
        .filteredOn(start -> start.vmName().equals(far.value()))
        .extracting(MissedStart::scheduledAt)
        .containsExactly(Instant.parse("2099-12-31T23:59:59Z"));
    assertThat(file("missed-starts.sql", "vm_name")).doesNotContain(far.value());
  }

  @Test
  void fileOfMissedStartsShowsThemAndPausedSchedulesToo() throws Exception {
    Instant due = Instant.now().minus(Duration.ofHours(2)).truncatedTo(ChronoUnit.SECONDS);
    Fires fires = new Fires(catalog.dataSource, clock);
    fires.begin(vm.value(), due);
    fires.ended(vm.value(), due, FireOutcome.SKIPPED, Optional.of("busy"), Optional.empty());
    VmId late = scheduled("WAITING", due);
    VmId paused = scheduled("PAUSED", due);
    Instant now = Instant.now();

    Page<MissedStart> missed =
        admin.missed(now.minus(Duration.ofDays(1)), now.minus(Duration.ofMinutes(2)), MANY);

    assertThat(ids(missed, MissedStart::vmName))
        .contains(vm.value(), late.value())
        .doesNotContain(paused.value());
    // The report is of what went wrong; the file also names those that nobody would notice.
    List<String> outcomes = file("missed-starts.sql", "outcome");
    List<String> names = file("missed-starts.sql", "vm_name");
    List<String> shown = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      if (!outcomes.get(i).equals("PAUSED")) {
        shown.add(names.get(i));
      }
    }
    assertThat(names).contains(paused.value());
    assertThat(shown).isEqualTo(ids(missed, MissedStart::vmName));
  }

  /** By the clock of any database, whatever the test's own says. */
  private long deadLease(long process) {
    long token =
        catalog
            .leases
            .acquire(new ProcessIdentity("another-host", process, "then"), Duration.ofHours(1))
            .token();
    catalog
        .jdbc
        .sql("update leases set expires_at = :past where token = :token")
        .param("past", UtcTime.of(Instant.now().minus(Duration.ofDays(1))))
        .param("token", token)
        .update();
    return token;
  }

  private String task(String name, long owner, OptionalLong execution) {
    Tasks tasks =
        new Tasks(
            catalog.dataSource,
            Objects.requireNonNull(catalog.transaction.getTransactionManager()),
            catalog.leases,
            clock);
    String id = tasks.begin(TaskKind.VERIFY, name, "", owner);
    execution.ifPresent(number -> tasks.executing(id, owner, number));
    return id;
  }

  private List<MissedStart> missed(Instant since, Instant before) {
    return admin.missed(since, before, MANY).items().stream()
        .filter(start -> start.vmName().equals(vm.value()))
        .toList();
  }

  private VmId scheduled(String state, Instant due) {
    VmId machine = anotherVm();
    new ScheduledMachines(catalog.dataSource, clock)
        .add(machine, machine.value(), machine + ".yaml", "vm: " + machine);
    catalog.trigger(machine.value(), state, due);
    return machine;
  }

  private void parameter(long execution, String value) {
    catalog
        .jdbc
        .sql(
            "insert into BATCH_JOB_EXECUTION_PARAMS (JOB_EXECUTION_ID, PARAMETER_NAME,"
                + " PARAMETER_TYPE, PARAMETER_VALUE, IDENTIFYING)"
                + " values (?, 'subject', 'java.lang.String', ?, 'Y')")
        .params(execution, value)
        .update();
  }

  private void execution(long id, String status) {
    catalog
        .jdbc
        .sql(
            "insert into BATCH_JOB_INSTANCE (JOB_INSTANCE_ID, VERSION, JOB_NAME, JOB_KEY)"
                + " values (?, 0, 'backup', ?)")
        .params(id, "key-" + id)
        .update();
    catalog
        .jdbc
        .sql(
            "insert into BATCH_JOB_EXECUTION (JOB_EXECUTION_ID, VERSION, JOB_INSTANCE_ID,"
                + " CREATE_TIME, STATUS) values (?, 0, ?, localtimestamp, ?)")
        .params(id, id, status)
        .update();
  }
}
