package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import java.time.Duration;
import java.util.Random;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Backups of a simulated machine, one after the other. */
abstract class OneBackupTest extends OneMachineTest {

  static final int LARGE = 160 << 20;

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired JdbcClient jdbc;

  SimulatedDisk addDisk(String key, int size) {
    SimulatedDisk disk = new SimulatedDisk(key, size, new Random(key.hashCode()));
    machine.disks.put(key, disk);
    return disk;
  }

  SimulatedDisk addLargeDisk(String key) {
    SimulatedDisk disk = addDisk(key, LARGE);
    for (int i = 0; i < 1500; i++) {
      disk.write();
    }
    return disk;
  }

  JobDefinition definition() {
    return definition("level: auto");
  }

  JobDefinition definition(String field) {
    return SimulatedSource.definition(vm, folder.resolve("repository"), field);
  }

  BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return queries.backup(run.backup());
  }

  BackupRow complete() throws InterruptedException {
    return complete(definition(), RequestedLevel.AUTO);
  }

  BackupRow complete(JobDefinition definition, RequestedLevel level) throws InterruptedException {
    BackupRow backup = ended(jobs.launch(definition, level));
    assertThat(backup.status()).as("%s", backup.error()).isEqualTo(Status.COMPLETED);
    return backup;
  }

  void awaitFirstChunk(BackupRun run) throws InterruptedException {
    for (int i = 0; i < 3000; i++) {
      BackupRow backup = queries.backup(run.backup());
      if (backup.disks().stream().anyMatch(disk -> disk.bytesRead() > 30_000_000)) {
        return;
      }
      Thread.sleep(5);
    }
    throw new AssertionError("no chunk was committed");
  }

  Reason reason(BackupRow backup, int diskId) {
    return backup.disks().get(diskId).reason().orElseThrow();
  }

  void hold(BackupRow backup, String assignments) {
    jdbc.sql("update backups set " + assignments + " where id = :id")
        .param("id", backup.id().value())
        .update();
  }

  void sameDisk(BackupRow backup, SimulatedDisk... disks) throws Exception {
    sameDisks(folder, backup, disks);
  }
}
