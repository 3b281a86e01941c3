package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;

/**
 * Many nights of a simulated VM that is replicated, by seed: what happens to backups in {@link
 * SimulationIT}, and beside it targets that others write or delete, runs that are given up in the
 * middle, and backups between the runs. After every run that completes, every target must hold
 * exactly what its disk held at the snapshot. {@code -Dsimulation.seeds=N} runs N seeds, {@code
 * -Dsimulation.first=S} begins at seed S.
 */
class ReplicaSimulationIT extends ReplicaTest {

  private static final int NIGHTS = 7;

  @Autowired BackupJobs backups;
  @Autowired BackupQueries backupQueries;
  @Autowired TaskJobs tasks;

  static List<Long> seeds() {
    long first = Long.getLong("simulation.first", 1);
    List<Long> seeds = new ArrayList<>();
    for (long i = 0; i < Long.getLong("simulation.seeds", 20); i++) {
      seeds.add(first + i);
    }
    return seeds;
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyRunLeavesTheMomentOfItsSnapshot(long seed) throws Exception {
    Random random = new Random(seed);
    String vm = "replica-" + seed;
    SimulatedSource.Machine machine = SimulatedSource.machine(vm);
    machine.tracksGrowth = random.nextBoolean();
    CbtResetPolicy policy = random.nextInt(3) == 0 ? CbtResetPolicy.COMPARE : CbtResetPolicy.FULL;
    JobDefinition definition = definition(vm, policy, 1 + random.nextInt(3));
    for (int disk = 0; disk <= random.nextInt(3); disk++) {
      SimulatedLife.addDisk(machine, "disk" + disk, random);
    }
    try {
      for (int night = 0; night < NIGHTS; night++) {
        SimulatedLife.day(machine, random, night);
        if (random.nextInt(4) == 0) {
          backUp(machine, definition);
        }
        night(machine, definition, random);
        if (random.nextInt(4) == 0) {
          meddle(definition, random);
        }
      }
    } finally {
      SimulatedSource.remove(vm);
    }
  }

  /** Backups in between change nothing for the replication. */
  private void backUp(SimulatedSource.Machine machine, JobDefinition definition)
      throws InterruptedException {
    machine.readBudget = -1;
    machine.snapshotFails = false;
    List<ReplicaDisk> before = queries.replicas(definition.vmName());
    BackupRun run = backups.launch(definition, RequestedLevel.AUTO);
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(run.status()).as(run.error() + "").isEqualTo(Status.COMPLETED);
    assertThat(queries.replicas(definition.vmName())).isEqualTo(before);
  }

  /** What the next backup of each disk would ask about. */
  private Map<Integer, Optional<StoredChangeId>> backupChangeIds(String vm) {
    Map<Integer, Optional<StoredChangeId>> all = new TreeMap<>();
    for (int disk = 0; disk < 10; disk++) {
      all.put(disk, backupQueries.changeId(vm, disk, Optional.empty()));
    }
    return all;
  }

  /** A run, troubled or not, and relaunched, or followed by a new one, until it is complete. */
  private void night(SimulatedSource.Machine machine, JobDefinition definition, Random random)
      throws Exception {
    Map<Integer, Optional<StoredChangeId>> ofBackups = backupChangeIds(definition.vmName());
    machine.readBudget = random.nextInt(3) == 0 ? random.nextInt(2_000_000) : -1;
    machine.snapshotFails = random.nextInt(15) == 0;
    TaskRun run = replications.replicate(definition, RequestedLevel.AUTO, random.nextInt(5) == 0);
    await(run);
    for (int tries = 0; run.state().status() != Status.COMPLETED && tries < 5; tries++) {
      if (random.nextInt(8) == 0) {
        return;
      }
      machine.snapshotFails = false;
      machine.readBudget = -1;
      machine.forgetsSnapshots = random.nextInt(3) == 0;
      if (random.nextInt(4) == 0) {
        machine.disks.values().forEach(SimulatedDisk::write);
      }
      run =
          random.nextInt(3) == 0
              ? replications.replicate(definition, RequestedLevel.AUTO, false)
              : tasks.relaunch(run.id());
      await(run);
      machine.forgetsSnapshots = false;
    }
    assertThat(run.state().status())
        .as("%s: %s", run.id(), run.state().error())
        .isEqualTo(Status.COMPLETED);
    check(machine, definition, run.id());
    assertThat(backupChangeIds(definition.vmName())).isEqualTo(ofBackups);
  }

  /** Somebody writes to a target, cuts it, or removes it. */
  private void meddle(JobDefinition definition, Random random) throws Exception {
    for (ReplicaDisk replica : queries.replicas(definition.vmName())) {
      Path target = Path.of(replica.target().orElseThrow());
      if (!Files.exists(target) || random.nextBoolean()) {
        continue;
      }
      Thread.sleep(20); // as coarse as a file system's clock may be
      if (random.nextInt(4) == 0) {
        Files.delete(target);
      } else if (Files.size(target) > 0) {
        try (RandomAccessFile file = new RandomAccessFile(target.toFile(), "rw")) {
          file.seek(random.nextInt((int) file.length()));
          file.write(random.nextInt(256));
          if (random.nextInt(4) == 0) {
            file.setLength(file.length() / 2);
          }
        }
      }
    }
  }
}
