package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.WatchedRenames;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupQueue;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** Who may take a backup over while it publishes; run on each database. */
abstract class PublishingRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired BackupQueue queue;
  @Autowired PlatformTransactionManager manager;

  /** Its owner may fall asleep at any of these, and would publish a second time when it wakes. */
  @Test
  void nobodyTakesABackupOverInTheMiddleOfWhatItPublishes() throws Exception {
    SimulatedDisk disk = new SimulatedDisk("a", 2_000_000, new Random(3));
    machine.disks.put("a", disk);
    disk.write();
    Path vms = folder.resolve("repository/vms");
    Map<String, Boolean> takeable = new ConcurrentHashMap<>();

    try (WatchedRenames _ =
        WatchedRenames.begin(file -> {
          if (file.startsWith(vms)) {
            String name = file.getFileName() + "";
            String kind = name.substring(name.lastIndexOf('.'));
            takeable.put(
                file.getParent().endsWith("restore-points") ? "restore point" : kind,
                CompletableFuture.supplyAsync(this::isTakeable).join());
          }
        })) {
      var run =
          jobs.launch(
              SimulatedSource.definition(vm, folder.resolve("repository")), RequestedLevel.AUTO);
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      assertThat(queries.backup(run.backup()).status()).isEqualTo(Status.COMPLETED);
    }

    assertThat(takeable)
        .containsOnlyKeys(".sums", ".json", ".qcow2", "restore point")
        .doesNotContainValue(true);
  }

  private Boolean isTakeable() {
    return new TransactionTemplate(manager)
        .execute(status ->
            queue.tryLock(
                queries.running().stream()
                    .filter(row -> row.vmName().equals(vm))
                    .findFirst()
                    .orElseThrow()
                    .id()));
  }
}
