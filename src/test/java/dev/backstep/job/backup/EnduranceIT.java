package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.CopyItem;
import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlan;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.backup.ImageCheck;
import dev.backstep.blockio.UnforcedFiles;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.MovableClock;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import dev.backstep.job.MergePlanner;
import dev.backstep.job.MergeWork;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.PrunePlanner;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.retention.RetentionConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import dev.backstep.schedule.FireTimes;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.VmSource;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * More than a year of a VM that is backed up by schedule, on a clock that is moved: planned,
 * copied, published, verified, pruned and merged by the program's own classes, in a catalog and in
 * files. What a prune leaves is what another reading of the rules keeps, with what it stands on,
 * and what the merge behind it leaves is what the rules keep and nothing else. {@code
 * -Dendurance.hours=N} backs up every N hours, {@code -Dendurance.days=N} sets the days.
 */
@Import({TaskParts.class, RetentionConfiguration.class})
class EnduranceIT extends JobTest {

  private static final int DAYS = Integer.getInteger("endurance.days", 400);
  private static final int HOURS = Integer.getInteger("endurance.hours", 8);
  private static final ZoneId ZONE = ZoneId.of("Europe/London");
  private static final String VM_NAME = "endurance";
  private static final VmId VM = VmId.ofName(VM_NAME);
  private static final int DISK_BYTES = 200_000;
  private static final int CHAIN_LIMIT = 30;
  private static final RetentionDefinition RULES =
      new RetentionDefinition(3, 24, 14, 8, 12, 2, Duration.ofHours(6));

  @Autowired BackupQueries queries;
  @Autowired DataSource database;
  @Autowired PlatformTransactionManager transactions;
  @Autowired Leases leases;
  @Autowired Machines machines;
  @Autowired Repositories repositories;
  @Autowired KeptPoints points;
  @Autowired Proofs proofs;
  @Autowired RestorePointRemoval removal;
  @Autowired ProcessLease lease;
  @Autowired MergePlanner planner;
  @Autowired Tasks tasks;
  @Autowired TaskJobs jobs;
  @TempDir Path folder;

  /** All of it is in the past: a merge that drops a point asks the real clock what is newest. */
  private final MovableClock clock = new MovableClock(Instant.parse("2024-01-15T00:30:00Z"));

  private final SimulatedSource.Machine machine = SimulatedSource.machine(VM_NAME);
  private final ReferenceRetention reference = new ReferenceRetention(RULES, ZONE);
  private final Random random = new Random(400);

  /** What is there, by the reference: moment and content of each restore point. */
  private final Map<BackupId, Instant> taken = new LinkedHashMap<>();

  private final Map<BackupId, byte[]> contents = new HashMap<>();
  private final Set<BackupId> proven = new HashSet<>();
  private final Map<String, Integer> levels = new TreeMap<>();
  private int restores;
  private int deleted;
  private int mergedAway;
  private int consolidated;

  private JobDefinition definition() {
    return SimulatedSource.definition(
        VM_NAME,
        folder.resolve("repository"),
        "max-parallel-disks: 1",
        "chain-limit: " + CHAIN_LIMIT,
        "schedule: { cron: \"0 0 " + (1 % HOURS) + "/" + HOURS + " * * ?\", zone: " + ZONE + " }",
        "retention: { last: %d, hourly: %d, daily: %d, weekly: %d, monthly: %d, yearly: %d, min-age: %dh }"
            .formatted(
                RULES.last(),
                RULES.hourly(),
                RULES.daily(),
                RULES.weekly(),
                RULES.monthly(),
                RULES.yearly(),
                RULES.minAge().toHours()));
  }

  @Test
  void everyKeptPointIsThereForAllTheYear() throws Exception {
    try (UnforcedFiles files = UnforcedFiles.begin()) {
      assertThat(files).isNotNull();
      endure();
    } finally {
      SimulatedSource.remove(VM_NAME);
    }
  }

  private void endure() throws Exception {
    machine.disks.put("a", new SimulatedDisk("a", DISK_BYTES, new Random(1)));
    Repository repository = Repository.openOrCreate(folder.resolve("repository"));
    repositories.register(repository.id(), repository.root().toString());
    machines.register(VM, VM_NAME);
    JobDefinition definition = definition();
    ScheduleDefinition schedule = definition.schedule().orElseThrow();
    Instant end = clock.instant().plus(Duration.ofDays(DAYS));
    int changesOfClocks = 0;
    int days = 0;
    Instant fire = FireTimes.next(schedule, clock.instant());
    while (fire.isBefore(end)) {
      clock.set(fire);
      backUp(repository, definition);
      Instant next = FireTimes.next(schedule, fire);
      assertThat(Duration.between(fire, next))
          .isBetween(Duration.ofHours(1), Duration.ofHours(HOURS + 1));
      boolean dayEnds = !next.atZone(ZONE).toLocalDate().equals(fire.atZone(ZONE).toLocalDate());
      if (dayEnds) {
        verify(repository, newest());
        days++;
      }
      if (dayEnds || newest().disks().getFirst().chainLength() >= CHAIN_LIMIT) {
        prune(repository, definition);
        merge(repository, definition);
      }
      if (!ZONE.getRules().getOffset(fire).equals(ZONE.getRules().getOffset(next))) {
        changesOfClocks++;
      }
      fire = next;
    }
    proven.clear();
    for (BackupId id : taken.keySet()) {
      restore(repository, id);
      verify(repository, queries.backup(id));
    }
    assertThat(changesOfClocks).isGreaterThanOrEqualTo(DAYS >= 400 ? 2 : 0);
    new Reliability(Suite.ENDURANCE, "one VM, every " + HOURS + " h")
        .with("days", days)
        .with("changes of clocks", changesOfClocks)
        .with("backups", levels.values().stream().mapToInt(count -> count).sum())
        .with("backups by reason", levels)
        .with("restore points deleted", deleted)
        .with("restore points merged into those above them", mergedAway)
        .with("chains that got a new root", consolidated)
        .with("restore points left", taken.size())
        .with("restores compared", restores)
        .write();
    assertThat(mergedAway).isGreaterThanOrEqualTo(days);
    assertThat(consolidated).isGreaterThanOrEqualTo(days / CHAIN_LIMIT);
    assertThat(levels).doesNotContainKey(Reason.CHAIN_TOO_LONG.name());
  }

  /** As the backup job does it, step by step. */
  private void backUp(Repository repository, JobDefinition definition) throws Exception {
    SimulatedDisk disk = machine.disks.get("a");
    disk.write();
    if (random.nextInt(400) == 0) {
      disk.resetTracking();
    }
    machine.snapshots.clear();
    Backups backups = new Backups(database, transactions, leases, clock);
    long token = lease.token();
    BackupId id =
        backups.begin(
            new Backups.NewBackup(VM, repository.id(), RequestedLevel.AUTO, "vm: x", token));
    VmSource source = new SimulatedSource().open(definition.source(), folder);
    Snapshot snapshot =
        source.snapshot(new SnapshotRequest(repository.id(), id, Map.of(), Set.of()));
    Instant now = clock.instant();
    backups.snapshotOpened(id, token, snapshot.handle(), now, now);
    SourceDisk of = snapshot.disks().getFirst();
    int diskId = machines.diskId(VM, of.key());
    DiskBackupId image = backups.addDisk(id, diskId, of.key(), of.sizeBytes(), any -> false);
    DiskFolder images = repository.disk(VM, diskId);
    DiskPlan plan =
        new DiskPlanner(
                new DiskPlanner.Settings(RequestedLevel.AUTO, CbtResetPolicy.FULL, CHAIN_LIMIT),
                images)
            .plan(of, queries.baseline(repository.id(), VM, diskId), !taken.isEmpty());
    levels.merge(plan.reason().name(), 1, Integer::sum);
    backups.planned(
        image,
        token,
        new Backups.Plan(
            plan.reason(),
            plan.cause(),
            plan.previousChangeId(),
            plan.base().map(Baseline::image),
            plan.chainLength(),
            of.sizeBytes(),
            plan.clusters().dataBytes()));
    DiskManifest manifest = copy(repository, id, image, of, plan, images, now);
    backups.completeDisk(
        image,
        token,
        of.changeId(),
        manifest.image(),
        0,
        manifest.dataBytes(),
        manifest.imageBytes(),
        manifest.kindOfChecksums());
    repository.publish(VM, point(repository, id, image, of, now));
    backups.sealed(id, token, now, Optional.empty());
    source.releaseMarks(repository.id(), Map.of(of.key(), Set.of(of.changeId().orElseThrow())));
    backups.snapshotClosed(id);
    taken.put(id, now);
    contents.put(id, disk.content());
  }

  private static DiskManifest copy(
      Repository repository,
      BackupId id,
      DiskBackupId image,
      SourceDisk disk,
      DiskPlan plan,
      DiskFolder images,
      Instant now)
      throws IOException {
    DiskBackup.Request request =
        new DiskBackup.Request(
            id,
            image,
            repository.id(),
            VM,
            VM_NAME,
            0,
            disk.key(),
            disk.changeId(),
            plan,
            now,
            Compression.NONE,
            0,
            ChecksumKind.CRC32C);
    try (DiskBackup backup = DiskBackup.open(request, disk, images, Optional.empty())) {
      for (Optional<CopyItem.Blocks> item = backup.next(); item.isPresent(); item = backup.next()) {
        backup.put(item.get());
      }
      return backup.seal(now, () -> {});
    }
  }

  private static RestorePoint point(
      Repository repository, BackupId id, DiskBackupId image, SourceDisk disk, Instant now) {
    return new RestorePoint(
        Repository.FORMAT,
        id.value(),
        repository.id().value(),
        VM.value(),
        VM_NAME,
        now.toString(),
        now.toString(),
        List.of(
            new RestorePoint.Disk(0, disk.key().value(), image.value(), disk.sizeBytes(), null)),
        Map.of(),
        null,
        null);
  }

  /** A point's chain is read, and compared with its checksums. */
  private void verify(Repository repository, BackupRow point) throws IOException {
    DiskFolder images = repository.disk(VM, 0);
    for (BackupDiskRow disk : point.disks()) {
      for (DiskManifest manifest : images.chain(disk.id())) {
        DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
        BackupId backup = new BackupId(manifest.backupId());
        if (!proven.contains(backup)) {
          try (ImageCheck check = new ImageCheck(images, id)) {
            assertThat(check.structure()).as("%s", id).isEmpty();
            check.openData(0, true);
            assertThat(check.data(Long.MAX_VALUE).damages()).as("%s", id).isEmpty();
          }
          proofs.proven(id, Proof.DATA, 1);
          proven.add(backup);
        }
      }
    }
  }

  private BackupRow newest() {
    return queries.list(Optional.of(VM_NAME), 1).getFirst();
  }

  private void prune(Repository repository, JobDefinition definition) throws IOException {
    Set<BackupId> kept = reference.kept(taken, proven, clock.instant());
    Set<BackupId> expected = new HashSet<>(kept);
    DiskFolder images = repository.disk(VM, 0);
    for (BackupId id : kept) {
      for (RestorePoint.Disk disk : repository.restorePoint(VM, id).disks()) {
        for (DiskManifest link : images.chain(new DiskBackupId(disk.diskBackupId()))) {
          expected.add(new BackupId(link.backupId()));
        }
      }
    }
    PrunePlan plan =
        new PrunePlanner(points, repositories).plan(List.of(definition), clock.instant());
    for (PrunePlan.Point point : plan.dropped()) {
      removal.delete(point.id().value());
      deleted++;
    }
    left(repository, expected);
  }

  /** As behind a scheduled backup, by the merge job: a chain at its limit gets a new root. */
  private void merge(Repository repository, JobDefinition definition) throws Exception {
    Set<BackupId> kept = reference.kept(taken, proven, clock.instant());
    MergeWork work = planner.plan(List.of(definition), false, clock.instant());
    if (!work.isEmpty()) {
      TaskRun run =
          jobs.launch(tasks.begin(TaskKind.MERGE, VM_NAME, work.toString(), lease.token()));
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(Status.COMPLETED);
      mergedAway += work.going().size();
      consolidated += work.roots().size();
    }
    left(repository, kept);
    restore(repository, taken.keySet().stream().toList().get(random.nextInt(taken.size())));
  }

  private void left(Repository repository, Set<BackupId> expected) {
    Set<BackupId> left = new HashSet<>();
    points.points(repository.id(), VM).forEach(point -> left.add(point.id()));
    assertThat(left).as("on %s", clock.instant()).isEqualTo(expected);
    taken.keySet().retainAll(left);
    contents.keySet().retainAll(left);
    proven.retainAll(left);
  }

  private void restore(Repository repository, BackupId id) throws IOException {
    assertThat(queries.backup(id).status()).isEqualTo(Status.COMPLETED);
    RestorePoint.Disk disk = repository.restorePoint(VM, id).disks().getFirst();
    Path image = repository.disk(VM, 0).image(new DiskBackupId(disk.diskBackupId()));
    assertThat(Acknowledged.read(image, DISK_BYTES)).as("%s", id).isEqualTo(contents.get(id));
    restores++;
  }
}
