package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What administrators are told, on any database. Each test has a VM of its own. */
abstract class AdminContract extends AdminTest {

  private DiskBackupId planned(BackupId backup, int disk, long total, Reason reason)
      throws FencedException {
    DiskBackupId id =
        catalog.backups.addDisk(backup, disk, new DiskKey("key" + disk), total, taken -> false);
    Optional<DiskBackupId> base =
        catalog.queries.baseline(TestCatalog.REPOSITORY, vm, disk).map(found -> found.image());
    catalog.backups.planned(
        id,
        lease,
        new Backups.Plan(
            reason,
            "",
            Optional.empty(),
            reason == Reason.CHANGED_EXTENTS ? base : Optional.empty(),
            1,
            total,
            total));
    return id;
  }

  @Test
  void tellsRateTimeLeftAndTheSlowestDisk() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId quick = planned(id, 0, 1000 * MIB, Reason.NO_BASELINE);
    DiskBackupId slow = planned(id, 1, 1000 * MIB, Reason.NO_BASELINE);
    catalog.backups.addDisk(id, 2, new DiskKey("waits"), 1000, taken -> false);
    catalog.backups.executing(id, lease, 4711);
    clock.advance(Duration.ofSeconds(10));
    catalog.backups.progress(quick, lease, 500 * MIB, 0, 0);
    catalog.backups.progress(slow, lease, 100 * MIB, 0, 0);

    RunningBackup running = running(id);

    Instant now = clock.instant();
    assertThat(running.executionId()).hasValue(4711);
    assertThat(running.ownerAlive()).isTrue();
    assertThat(running.processId()).hasValue(ProcessHandle.current().pid());
    assertThat(running.disks())
        .extracting(disk -> disk.bytesPerSecond(now), disk -> disk.timeLeft(now))
        .containsExactly(
            tuple(OptionalLong.of(50 * MIB), Optional.of(Duration.ofSeconds(10))),
            tuple(OptionalLong.of(10 * MIB), Optional.of(Duration.ofSeconds(90))),
            tuple(OptionalLong.empty(), Optional.empty()));
    assertThat(running.slowest(now).map(disk -> disk.disk().id())).contains(slow);
  }

  @Test
  void aRelaunchedDisksRateIsThatOfItsLastStart() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    DiskBackupId disk = planned(id, 0, 1000 * MIB, Reason.NO_BASELINE);
    clock.advance(Duration.ofSeconds(10));
    catalog.backups.progress(disk, lease, 500 * MIB, 0, 0);
    catalog.backups.ended(id, lease, Status.STOPPED, Optional.empty());
    clock.advance(Duration.ofHours(5));
    catalog.backups.resume(id, lease);
    catalog.backups.continued(disk, lease);
    clock.advance(Duration.ofSeconds(5));
    catalog.backups.progress(disk, lease, 600 * MIB, 0, 0);

    DiskRun run = running(id).disks().getFirst();

    assertThat(run.bytesPerSecond(clock.instant())).hasValue(20 * MIB);
    assertThat(run.timeLeft(clock.instant())).contains(Duration.ofSeconds(20));
  }

  @Test
  void aFailedBackupIsToldUntilItIsRelaunched() throws Exception {
    BackupId id = catalog.begin(vm, lease);
    catalog.backups.executing(id, lease, 5);
    clock.advance(Duration.ofSeconds(75));
    catalog.backups.ended(id, lease, Status.FAILED, Optional.of("no space left"));

    assertThat(failed(id, clock.instant().minusSeconds(60)))
        .hasValueSatisfying(row -> {
          assertThat(row.error()).contains("no space left");
          assertThat(row.ran()).contains(Duration.ofSeconds(75));
          assertThat(row.executionId()).hasValue(5);
        });
    assertThat(failed(id, clock.instant().plusSeconds(1))).isEmpty();
    catalog.backups.resume(id, lease);
    assertThat(failed(id, Instant.EPOCH)).isEmpty();
  }

  @Test
  void theLongestComesFirst() throws Exception {
    Instant start = clock.instant();
    BackupId longer = completed(Duration.ofHours(30), Reason.NO_BASELINE);
    BackupId shorter = completed(Duration.ofHours(20), Reason.CHANGED_EXTENTS);

    assertThat(admin.longest(start, MANY).items())
        .extracting(BackupExecution::id)
        .containsSubsequence(longer, shorter);
    assertThat(admin.longest(start, PageRequest.first(1)).items().getFirst().ran())
        .contains(Duration.ofHours(30));
    assertThat(admin.longest(clock.instant(), MANY).items())
        .extracting(BackupExecution::id)
        .doesNotContain(longer, shorter);
  }

  @Test
  void lineageGoesFromTheNewestImageDown() throws Exception {
    BackupId first = completed(Duration.ofMinutes(1), Reason.NO_BASELINE);
    BackupId second = completed(Duration.ofMinutes(2), Reason.CHANGED_EXTENTS);
    catalog.backups.ended(catalog.begin(vm, lease), lease, Status.FAILED, Optional.of("none"));

    List<DiskRun> lineage = admin.lineage(vm.value(), 0, MANY).items();

    assertThat(lineage).extracting(run -> run.disk().backupId()).containsExactly(second, first);
    DiskRun newest = lineage.getFirst();
    assertThat(newest.repositoryPath()).isEqualTo("/backups");
    assertThat(newest.disk().changeId()).contains(new ChangeId("mark-" + second));
    assertThat(newest.disk().baseId()).contains(lineage.getLast().disk().id());
    assertThat(newest.ran(clock.instant())).contains(Duration.ofMinutes(2));
    assertThat(admin.lineage(vm.value(), 1, MANY).items()).isEmpty();
    assertThat(admin.lineage("nobody", 0, MANY).items()).isEmpty();
  }

  @Test
  void throughputIsOfOneVmOrDiskAndSinceThen() throws Exception {
    completed(Duration.ofMinutes(1), Reason.NO_BASELINE);
    Instant between = clock.instant().plusMillis(1);
    BackupId second = completed(Duration.ofSeconds(50), Reason.CHANGED_EXTENTS);

    assertThat(throughput(OptionalInt.empty(), Instant.EPOCH)).hasSize(2);
    assertThat(throughput(OptionalInt.of(1), Instant.EPOCH)).isEmpty();
    assertThat(throughput(OptionalInt.of(0), between))
        .singleElement()
        .satisfies(run -> {
          assertThat(run.disk().backupId()).isEqualTo(second);
          assertThat(run.bytesPerSecond(clock.instant())).hasValue(10 * MIB);
        });
  }

  @Test
  void fullCopiesHaveTheirReason() throws Exception {
    completed(Duration.ofMinutes(1), Reason.NO_BASELINE);
    completed(Duration.ofMinutes(1), Reason.CHANGED_EXTENTS);
    BackupId reset = completed(Duration.ofMinutes(1), Reason.CBT_RESET);

    assertThat(fulls(Optional.empty()))
        .extracting(run -> run.disk().reason().orElseThrow())
        .containsExactly(Reason.CBT_RESET, Reason.NO_BASELINE);
    assertThat(fulls(Optional.of(Reason.CBT_RESET)))
        .singleElement()
        .satisfies(run -> assertThat(run.disk().backupId()).isEqualTo(reset));
    assertThat(fulls(Optional.of(Reason.DISK_RESIZED))).isEmpty();
  }

  @Test
  void aVmIsStaleByTheMomentThatItsRestorePointShows() throws Exception {
    VmId without = anotherVm();
    BackupId failed = catalog.begin(without, lease);
    catalog.backups.ended(failed, lease, Status.FAILED, Optional.of("unreachable"));
    BackupId id = catalog.begin(vm, lease);
    Instant moment = clock.instant();
    catalog.backups.snapshotOpened(id, lease, "handle", moment, moment.plusSeconds(9));
    seal(id, Duration.ofHours(3), Reason.NO_BASELINE);

    List<StaleMachine> stale = admin.stale(moment.plusSeconds(1), MANY).items();

    assertThat(stale)
        .filteredOn(machine -> machine.vmName().equals(vm.value()))
        .singleElement()
        .satisfies(machine -> {
          assertThat(machine.restorePointAt().orElseThrow().toEpochMilli())
              .isEqualTo(moment.toEpochMilli());
          assertThat(machine.lastStatus()).contains(Status.COMPLETED);
        });
    assertThat(stale)
        .filteredOn(machine -> machine.vmName().equals(without.value()))
        .singleElement()
        .satisfies(machine -> {
          assertThat(machine.restorePointAt()).isEmpty();
          assertThat(machine.lastBackup()).contains(failed);
          assertThat(machine.lastError()).contains("unreachable");
        });
    assertThat(stale.getFirst().restorePointAt()).isEmpty();
    assertThat(admin.stale(moment, MANY).items())
        .extracting(StaleMachine::vmName)
        .doesNotContain(vm.value());
  }

  /** Over what all tests of this class have left so far; that of what is stuck has its own. */
  @Test
  void filesForTheDatabasesConsoleShowTheRowsOfTheReports() throws Exception {
    catalog.backups.ended(catalog.begin(vm, lease), lease, Status.FAILED, Optional.of("none"));
    completed(Duration.ofMinutes(1), Reason.NO_BASELINE);
    completed(Duration.ofMinutes(2), Reason.CHANGED_EXTENTS);
    planned(catalog.begin(vm, lease), 0, 1000 * MIB, Reason.CBT_RESET);
    VmId stale = anotherVm();
    BackupId old = catalog.begin(stale, lease);
    Instant taken = Instant.now().minus(Duration.ofHours(30));
    catalog.backups.snapshotOpened(old, lease, "handle", taken, clock.instant());
    seal(old, Duration.ofMinutes(1), Reason.NO_BASELINE);
    Instant week = Instant.now().minus(Duration.ofDays(7));
    Instant month = Instant.now().minus(Duration.ofDays(30));

    // A line for each disk that did not make it.
    assertThat(file("failed-since.sql", "backup_id").stream().distinct().toList())
        .isNotEmpty()
        .isEqualTo(ids(admin.failed(week, MANY), row -> row.id().value()));
    assertThat(file("longest-executions.sql", "backup_id"))
        .isNotEmpty()
        .isEqualTo(ids(admin.longest(week, MANY), row -> row.id().value()));
    assertThat(file("lineage-of-a-disk.sql", "id"))
        .hasSize(2)
        .isEqualTo(ids(admin.lineage(vm.value(), 0, MANY), run -> run.disk().id().value()));
    assertThat(file("full-copies.sql", "id"))
        .isNotEmpty()
        .isEqualTo(
            ids(
                admin.fulls(Optional.empty(), Optional.empty(), month, MANY),
                run -> run.disk().id().value()));
    assertThat(file("stale-vms.sql", "vm_name"))
        .contains(stale.value())
        .isEqualTo(
            ids(
                admin.stale(Instant.now().minus(Duration.ofHours(26)), MANY),
                StaleMachine::vmName));
    // Disk by disk, so that a backup without any is not there.
    assertThat(file("running-now.sql", "backup_id"))
        .isNotEmpty()
        .containsExactlyInAnyOrderElementsOf(
            admin.running().stream()
                .flatMap(backup -> backup.disks().stream())
                .map(run -> run.disk().backupId().value())
                .toList());
  }

  @Test
  void filesForTheDatabasesConsoleAddUpWhatTheReportsShow() throws Exception {
    completed(Duration.ofMinutes(1), Reason.NO_BASELINE);
    completed(Duration.ofMinutes(2), Reason.CHANGED_EXTENTS);
    Instant month = Instant.now().minus(Duration.ofDays(30));

    List<DiskRun> throughput = throughput(OptionalInt.empty(), month);
    List<DiskRun> fulls = admin.fulls(Optional.empty(), Optional.empty(), month, MANY).items();

    assertThat(sum(file("throughput-per-disk.sql", "disk_backups"))).isEqualTo(2);
    assertThat(sum(file("throughput-per-disk.sql", "bytes_read")))
        .isEqualTo(throughput.stream().mapToLong(run -> run.disk().bytesRead()).sum());
    assertThat(file("full-copies-by-reason.sql", "reason"))
        .containsExactlyInAnyOrderElementsOf(
            fulls.stream()
                .map(run -> run.disk().reason().orElseThrow().name())
                .distinct()
                .toList());
    assertThat(sum(file("full-copies-by-reason.sql", "disk_backups"))).isEqualTo(fulls.size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "AAAA", "ÄÖ", "MTIz", "eCB4"})
  void refusesAPlaceThatNoPageHasGiven(String place) {
    PageRequest request = new PageRequest(Optional.of(place), 10);

    assertThatThrownBy(() -> admin.failed(Instant.EPOCH, request))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is no place in a list; expected the 'next' of a page");
  }

  @Test
  void auditTrailIsToldNewestFirstAndForgottenOldestFirst() throws Exception {
    AuditTrail audit = new AuditTrail(catalog.dataSource, clock);
    clock.advance(Duration.ofHours(1));
    Instant start = clock.instant();
    long killed = audit.begin("anna", "local", "backup web");
    long refused = audit.begin("ben", "192.0.2.1", "DELETE /api/v1/backups/b");
    audit.ended(refused, 409);
    clock.advance(Duration.ofMillis(1));
    long last = audit.begin("b".repeat(200), "f".repeat(200), "p".repeat(400));

    Page<AuditTrail.Entry> first = audit.page(start, PageRequest.first(2));
    Page<AuditTrail.Entry> second = audit.page(start, new PageRequest(first.next(), 2));

    assertThat(first.items()).extracting(AuditTrail.Entry::number).containsExactly(last, refused);
    assertThat(first.items().getLast())
        .isEqualTo(
            new AuditTrail.Entry(
                refused,
                start.truncatedTo(ChronoUnit.MILLIS),
                "ben",
                "192.0.2.1",
                "DELETE /api/v1/backups/b",
                OptionalInt.of(409)));
    assertThat(second.items()).extracting(AuditTrail.Entry::number).containsExactly(killed);
    assertThat(second.items().getFirst().result()).isEmpty();
    assertThat(second.next()).isEmpty();
    assertThat(audit.page(start.plusMillis(1), MANY).items())
        .extracting(AuditTrail.Entry::number)
        .containsExactly(last);
    assertThat(file("who-changed-what.sql", "who")).endsWith("ben", "anna").hasSize(3);

    assertThat(audit.trim(start.plusMillis(1))).isEqualTo(2);

    assertThat(audit.page(Instant.EPOCH, MANY).items())
        .extracting(AuditTrail.Entry::number)
        .containsExactly(last);
  }

  private static long sum(List<String> numbers) {
    return numbers.stream().mapToLong(Long::parseLong).sum();
  }

  private List<DiskRun> throughput(OptionalInt disk, Instant since) {
    return admin.throughput(Optional.of(vm.value()), disk, since, MANY).items();
  }

  private List<DiskRun> fulls(Optional<Reason> reason) {
    return admin.fulls(Optional.of(vm.value()), reason, Instant.EPOCH, MANY).items();
  }

  private Optional<BackupExecution> failed(BackupId id, Instant since) {
    return admin.failed(since, MANY).items().stream()
        .filter(row -> row.id().equals(id))
        .findFirst();
  }

  private BackupId completed(Duration took, Reason reason) throws FencedException {
    clock.advance(Duration.ofSeconds(1));
    BackupId id = catalog.begin(vm, lease);
    seal(id, took, reason);
    return id;
  }

  private void seal(BackupId id, Duration took, Reason reason) throws FencedException {
    catalog.backups.executing(id, lease, 1);
    DiskBackupId disk = planned(id, 0, 500 * MIB, reason);
    clock.advance(took);
    catalog.backups.completeDisk(
        disk,
        lease,
        Optional.of(new ChangeId("mark-" + id)),
        disk + ".qcow2",
        500 * MIB,
        400,
        300,
        Optional.of("crc32c"));
    catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());
  }
}
