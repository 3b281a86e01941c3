package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.Block;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;

/**
 * Many nights of a simulated VM, by seed: random writes and trims, resets of change tracking,
 * resizes, new and removed disks, queries that fail half way, extents that overlap and repeat,
 * disks that fail to read, snapshots that are lost. After every night every restore point so far
 * must give back exactly what its disks held at its snapshot. {@code -Dsimulation.seeds=N} runs N
 * seeds, {@code -Dsimulation.first=S} begins at seed S.
 */
class SimulationIT extends JobTest {

  private static final int NIGHTS = 6;

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @TempDir Path folder;

  /** What the disks held at the snapshot of each restore point. */
  private final Map<BackupId, Map<String, byte[]>> truth = new LinkedHashMap<>();

  static List<Long> seeds() {
    long first = Long.getLong("simulation.first", 1);
    List<Long> seeds = new ArrayList<>();
    for (long i = 0; i < Long.getLong("simulation.seeds", 60); i++) {
      seeds.add(first + i);
    }
    return seeds;
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyRestorePointGivesBackItsMoment(long seed) throws Exception {
    Random random = new Random(seed);
    String vm = "sim-" + seed;
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.tracksGrowth = random.nextBoolean();
    JobDefinition definition = definition(vm, random);
    for (int disk = 0; disk <= random.nextInt(3); disk++) {
      SimulatedLife.addDisk(machine, "disk" + disk, random);
    }
    try {
      for (int night = 0; night < NIGHTS; night++) {
        SimulatedLife.day(machine, random, night);
        night(machine, definition, random);
        checkEveryRestorePoint(definition);
      }
    } finally {
      SimulatedSource.remove(vm);
    }
  }

  private JobDefinition definition(String vm, Random random) {
    return SimulatedSource.definition(
        vm,
        folder,
        random.nextInt(3) == 0 ? "cbt-reset: compare" : "cbt-reset: full",
        random.nextInt(4) == 0 ? "compression: zstd" : "compression: none",
        "max-parallel-disks: " + (1 + random.nextInt(3)),
        "chain-limit: " + (3 + random.nextInt(4)));
  }

  /** A backup, troubled or not, and relaunched until it is complete. */
  private void night(SimulatedSource.Machine machine, JobDefinition definition, Random random) {
    machine.readBudget = random.nextInt(3) == 0 ? random.nextInt(2_000_000) : -1;
    machine.snapshotFails = random.nextInt(15) == 0;
    BackupRun run = jobs.launch(definition, RequestedLevel.AUTO);
    await(run);
    for (int tries = 0; run.status() != Status.COMPLETED && tries < 5; tries++) {
      if (random.nextInt(8) == 0) {
        return;
      }
      machine.snapshotFails = false;
      machine.readBudget = -1;
      machine.forgetsSnapshots = random.nextInt(3) == 0;
      if (random.nextInt(4) == 0) {
        machine.disks.values().forEach(SimulatedDisk::write);
      }
      run = jobs.relaunch(run.backup().value());
      await(run);
      machine.forgetsSnapshots = false;
    }
    assertThat(run.status()).as("%s: %s", run.backup(), run.error()).isEqualTo(Status.COMPLETED);
    truth.put(run.backup(), machine.lastSnapshot());
    checkNight(machine, run.backup());
  }

  private static void await(BackupRun run) {
    try {
      assertThat(run.await(Duration.ofMinutes(2))).as("%s ends", run.backup()).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void checkNight(SimulatedSource.Machine machine, BackupId id) {
    BackupRow backup = queries.backup(id);
    assertThat(backup.disks()).hasSameSizeAs(machine.lastSnapshot().keySet());
    for (BackupDiskRow disk : backup.disks()) {
      String mark = disk.changeId().orElseThrow().value();
      assertThat(mark).as("the change id is that of this disk's snapshot").contains(id.value());
      SimulatedDisk source = machine.disks.get(disk.diskKey().value());
      assertThat(source.marks())
          .as("only the mark that is needed stays at disk %s", disk.diskKey())
          .containsExactly(mark);
      if (disk.reason().orElseThrow() == Reason.NO_BASELINE) {
        assertThat(disk.previousChangeId()).isEmpty();
      }
    }
    assertThat(queries.running()).isEmpty();
  }

  private void checkEveryRestorePoint(JobDefinition definition) throws IOException {
    Repository repository = Repository.open(folder);
    for (Map.Entry<BackupId, Map<String, byte[]>> point : truth.entrySet()) {
      var restorePoint = repository.restorePoint(definition.vmId(), point.getKey());
      assertThat(restorePoint.disks()).hasSameSizeAs(point.getValue().keySet());
      for (var disk : restorePoint.disks()) {
        Path image =
            repository
                .disk(definition.vmId(), disk.diskId())
                .image(new dev.backstep.domain.DiskBackupId(disk.diskBackupId()));
        assertThat(disk.virtualSize()).isEqualTo(point.getValue().get(disk.diskKey()).length);
        assertThat(content(image, (int) disk.virtualSize()))
            .as("%s disk %s", point.getKey(), new DiskKey(disk.diskKey()))
            .isEqualTo(point.getValue().get(disk.diskKey()));
      }
    }
  }

  private static byte[] content(Path image, int size) throws IOException {
    byte[] bytes = new byte[size];
    try (Qcow2Reader reader = Qcow2Reader.open(image, 4)) {
      for (int at = 0; at < size; at += 1 << 20) {
        int length = Math.min(size - at, 1 << 20);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(bytes, at, length);
        }
      }
    }
    return bytes;
  }
}
