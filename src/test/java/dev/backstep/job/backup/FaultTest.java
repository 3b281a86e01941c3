package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.Compression;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.CatalogWitness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import javax.sql.DataSource;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Small VMs, what can be done with their backups, and files that are watched meanwhile. */
abstract class FaultTest extends JobTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired RestorePointRemoval removal;
  @Autowired JdbcClient jdbc;
  @Autowired DataSource database;
  @TempDir Path folder;

  private int machines;

  /** What is done while its files are watched; a new kind of work is a line more. */
  enum Work {
    FULL(0) {
      @Override
      void run(Victim victim) throws Exception {
        victim.backUp(Compression.NONE);
      }
    },
    OVERLAY(1) {
      @Override
      void run(Victim victim) throws Exception {
        victim.backUp(Compression.NONE);
      }
    },
    COMPRESSED(1) {
      @Override
      void run(Victim victim) throws Exception {
        victim.backUp(Compression.ZSTD);
      }
    },
    DELETE(2) {
      @Override
      void run(Victim victim) {
        victim.delete(victim.points().getFirst());
      }
    },
    PRUNE(3) {
      @Override
      void run(Victim victim) {
        victim.points().subList(0, 2).forEach(victim::delete);
      }
    };

    /** Backups that are there before. */
    final int before;

    Work(int before) {
      this.before = before;
    }

    abstract void run(Victim victim) throws Exception;

    boolean isBackup() {
      return this == FULL || this == OVERLAY || this == COMPRESSED;
    }
  }

  /** A VM of its own, with a repository of its own. */
  final class Victim implements AutoCloseable {

    final String vm;
    final Path root;
    final SimulatedSource.Machine machine;
    final Acknowledged acknowledged = new Acknowledged();

    Victim(Work work) throws Exception {
      vm = "victim-" + System.nanoTime() + "-" + machines++;
      root = Files.createDirectory(folder.resolve(vm));
      machine = SimulatedSource.machine(vm);
      machine.disks.put("a", new SimulatedDisk("a", 200_000, new Random(machines)));
      machine.disks.put("b", new SimulatedDisk("b", 330_000, new Random(-machines)));
      for (int i = 0; i < work.before; i++) {
        backUp(i == 2 ? Compression.ZSTD : Compression.NONE);
        assertThat(isComplete()).as("%s", newest()).isTrue();
      }
    }

    VmId vmId() {
      return VmId.ofName(vm);
    }

    CatalogWitness witness() {
      return new CatalogWitness(database, vmId());
    }

    FileRecording record() {
      return FileRecording.start(root, witness());
    }

    JobDefinition definition(Compression compression) {
      return new JobDefinition(
          vm,
          new SourceDefinition("x-simulated", List.of(), Map.of("machine", vm)),
          Set.of(),
          root.resolve("repository").toString(),
          RequestedLevel.AUTO,
          CbtResetPolicy.FULL,
          compression,
          1,
          1,
          60,
          CbtAuditDefinition.STANDARD,
          Optional.empty(),
          Optional.empty());
    }

    void backUp(Compression compression) throws Exception {
      machine.disks.values().forEach(SimulatedDisk::write);
      await(jobs.launch(definition(compression), RequestedLevel.AUTO));
    }

    void await(BackupRun run) throws Exception {
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      remember(run.backup());
    }

    /** A backup knows what its disks held at its snapshot, if it has come so far. */
    private void remember(BackupId id) {
      Map<String, byte[]> frozen = machine.lastSnapshot();
      if (frozen != null) {
        Map<Integer, byte[]> contents = new HashMap<>();
        int diskId = 0;
        for (String key : List.of("a", "b")) {
          contents.put(diskId++, frozen.get(key));
        }
        acknowledged.held(id, contents);
      }
    }

    /** Newest first. */
    List<BackupId> points() {
      return queries.list(Optional.of(vm), 100).stream()
          .filter(row -> row.status() == Status.COMPLETED)
          .map(BackupRow::id)
          .toList();
    }

    /** Empty when the newest backup was not even begun. */
    Optional<BackupRow> newest() {
      return queries.list(Optional.of(vm), 100).stream().findFirst();
    }

    boolean isComplete() {
      return newest().map(BackupRow::status).equals(Optional.of(Status.COMPLETED));
    }

    void delete(BackupId id) {
      removal.delete(id.value());
    }

    /** The next start, after a death that left the backup running; goes on with what can go on. */
    void startAgain() throws Exception {
      jdbc.sql(
              "update backups set status = 'RUNNING', active_vm_id = vm_id, lease_token = 999999999"
                  + " where vm_id = :vm and status = 'FAILED'")
          .param("vm", vmId().value())
          .update();
      jobs.recoverDead();
      for (BackupRow row : new ArrayList<>(queries.list(Optional.of(vm), 100))) {
        assertThat(row.status()).isNotIn(Status.RUNNING, Status.DELETING);
        if (row.status() == Status.FAILED) {
          await(jobs.relaunch(row.id().value()));
          BackupRow after = queries.backup(row.id());
          assertThat(after.status()).as("%s", after.error()).isEqualTo(Status.COMPLETED);
        }
      }
    }

    void check(String when) throws IOException {
      acknowledged.check(root.resolve("repository"), witness().get(), when);
    }

    @Override
    public void close() {
      SimulatedSource.remove(vm);
    }
  }
}
