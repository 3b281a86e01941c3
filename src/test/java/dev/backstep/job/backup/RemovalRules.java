package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.RemovalSteps;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;

/** Deleted restore points, and processes that die while they delete one; run on each database. */
abstract class RemovalRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired RestorePointRemoval removal;

  @BeforeEach
  void makeDisks() {
    for (String key : List.of("a", "b")) {
      machine.disks.put(key, new SimulatedDisk(key, 2_000_000, new Random(key.hashCode())));
    }
  }

  private BackupRun launch() {
    machine.disks.values().forEach(SimulatedDisk::write);
    return jobs.launch(
        SimulatedSource.definition(vm, folder.resolve("repository")), RequestedLevel.AUTO);
  }

  private BackupRow ended(BackupRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return queries.backup(run.backup());
  }

  private BackupRow complete() throws Exception {
    BackupRow row = ended(launch());
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    sameAsTruth(row);
    return row;
  }

  private void sameAsTruth(BackupRow row) throws IOException {
    Repository repository = Repository.open(folder.resolve("repository"));
    repository.restorePoint(row.vmId(), row.id());
    for (var disk : row.disks()) {
      Path model = folder.resolve("model.raw");
      Files.write(model, machine.disks.get(disk.diskKey().value()).content());
      Path image = repository.disk(row.vmId(), disk.diskId()).image(disk.id());
      Tool.checkImage(image);
      Tool.compare(image, "qcow2", model, "raw");
    }
  }

  private Repository repository() throws IOException {
    return Repository.open(folder.resolve("repository"));
  }

  /** Everything of a repository that names a backup or one of its disk backups. */
  private List<Path> filesOf(BackupRow row) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("repository"))) {
      return files
          .filter(file ->
              file.getFileName().toString().startsWith(row.id() + ".")
                  || row.disks().stream()
                      .anyMatch(disk -> file.getFileName().toString().startsWith(disk.id() + ".")))
          .toList();
    }
  }

  private void onlyWholeChains(BackupRow row) throws IOException {
    Repository repository = repository();
    repository.restorePoint(row.vmId(), row.id());
    for (var disk : row.disks()) {
      repository.disk(row.vmId(), disk.diskId()).chain(disk.id());
      Tool.checkImage(repository.disk(row.vmId(), disk.diskId()).image(disk.id()));
    }
  }

  private void isLast(BackupRow row) {
    for (var disk : row.disks()) {
      assertThat(queries.baseline(row.repositoryId(), row.vmId(), disk.diskId()))
          .map(Baseline::image)
          .contains(disk.id());
      assertThat(queries.changeId(vm, disk.diskId(), Optional.empty()).orElseThrow().changeId())
          .isEqualTo(disk.changeId());
    }
  }

  private static void refused(Kind kind, ThrowingCallable call, String... texts) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            OperatorException.class, e -> assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind))
        .hasMessageContainingAll(texts);
  }

  @Test
  void deathAfterAnyStepLeavesWhatIsTrueAndTheNextStartFinishes() throws Exception {
    BackupRow kept = complete();
    boolean more = true;
    for (int steps = 0; more; steps++) {
      BackupRow gone = complete();
      isLast(gone);

      more =
          RemovalSteps.first(steps, removal, gone, repository(), row -> queries.backup(row.id()));

      BackupRow now = queries.backup(gone.id());
      assertThat(now.status()).isEqualTo(more ? Status.DELETING : Status.DELETED);
      assertThat(now.disks()).allSatisfy(disk -> assertThat(disk.changeId()).isEmpty());
      onlyWholeChains(kept);
      isLast(kept);
      List<Path> left = filesOf(gone);
      if (left.contains(restorePoint(gone))) {
        onlyWholeChains(gone);
      }
      for (Path file : left) {
        String name = file.toString();
        if (name.endsWith(".qcow2")) {
          assertThat(Path.of(name.replace(".qcow2", ".json"))).as("its manifest").exists();
          Tool.checkImage(file);
        }
      }

      jobs.recoverDead();

      assertThat(queries.backup(gone.id()).status()).isEqualTo(Status.DELETED);
      assertThat(filesOf(gone)).isEmpty();
      onlyWholeChains(kept);
      if (steps % 3 == 1) {
        kept = complete();
        assertThat(kept.disks())
            .allSatisfy(disk ->
                assertThat(disk.baseId())
                    .isNotIn(gone.disks().stream().map(other -> Optional.of(other.id())).toList()));
      }
    }
    assertThat(queries.list(Optional.of(vm), 100)).as("the rows stay").hasSizeGreaterThan(7);
  }

  private Path restorePoint(BackupRow row) {
    return folder
        .resolve("repository/vms/" + row.vmId() + "/restore-points")
        .resolve(row.id() + ".json");
  }

  @Test
  void whatOthersStandOnStaysUntilTheyAreGone() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    BackupRow third = complete();

    refused(Kind.CONFLICT, () -> removal.delete(first.id().value()), second.id().value());
    refused(Kind.CONFLICT, () -> removal.delete(second.id().value()), third.id().value());
    onlyWholeChains(first);
    sameAsTruth(third);
    isLast(third);

    for (BackupRow row : List.of(third, second, first)) {
      removal.delete(row.id().value());
      removal.delete(row.id().value());
      assertThat(queries.backup(row.id()).status()).isEqualTo(Status.DELETED);
      assertThat(filesOf(row)).isEmpty();
    }
    assertThat(queries.changeId(vm, 0, Optional.empty())).isEmpty();
    assertThat(complete().disks()).allSatisfy(disk -> assertThat(disk.baseId()).isEmpty());
  }

  @Test
  void onlyWholeBackupsThatHaveEndedForGoodAreDeleted() throws Exception {
    BackupRow whole = complete();
    machine.readBudget = 0;
    BackupRow failed = ended(launch());
    machine.readBudget = -1;
    refused(Kind.CONFLICT, () -> removal.delete(failed.id().value()), "FAILED", "abandon");
    refused(Kind.NOT_FOUND, () -> removal.delete("backup-nobody"), "backup-nobody");
    refused(
        Kind.USAGE,
        () -> removal.delete(whole.disks().getFirst().id().value()),
        whole.id().value());

    machine.readMillis = 300;
    BackupRun running = launch();
    refused(Kind.BUSY, () -> removal.delete(running.backup().value()), running.backup().value());
    refused(Kind.BUSY, () -> removal.delete(whole.id().value()), running.backup().value());
    machine.readMillis = 0;
    BackupRow after = ended(running);
    assertThat(after.status()).isEqualTo(Status.COMPLETED);
    onlyWholeChains(whole);

    // A disk that the failed one completed may be what the last one stands on.
    jobs.abandon(failed.id().value());
    removal.delete(after.id().value());
    removal.delete(failed.id().value());
    assertThat(queries.backup(failed.id()).status()).isEqualTo(Status.DELETED);
    onlyWholeChains(whole);
    refused(Kind.FAILED, () -> jobs.relaunch(failed.id().value()), "DELETED");
  }

  @Test
  void imagesThatTheCatalogDoesNotKnowCountToo() throws Exception {
    complete();
    BackupRow row = complete();
    Path image = repository().disk(row.vmId(), 1).image(row.disks().get(1).id());
    String manifest =
        Files.readString(image.resolveSibling(row.disks().get(1).id() + ".json"))
            .replaceAll(
                "\"parent\" *: *\"[^\"]*\"", "\"parent\":\"" + row.disks().get(1).id() + "\"");
    Files.writeString(image.resolveSibling("backup-foreign-disk1.json"), manifest);

    removalIsRefusedBy(row, image);
    Files.delete(image.resolveSibling("backup-foreign-disk1.json"));
    removal.delete(row.id().value());

    assertThat(image).doesNotExist();
  }

  private void removalIsRefusedBy(BackupRow row, Path image) {
    refused(Kind.CONFLICT, () -> removal.delete(row.id().value()), "stands on it");
    assertThat(image).exists();
    assertThat(queries.backup(row.id()).status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void whatCannotBeRemovedNowIsFinishedByANextStart() throws Exception {
    BackupRow row = complete();
    Path manifest =
        repository().disk(row.vmId(), 0).path().resolve(row.disks().getFirst().id() + ".json");
    Path away = folder.resolve("away");
    Files.move(manifest, away);
    Files.createDirectory(manifest);
    Files.createFile(manifest.resolve("in-the-way"));

    assertThatThrownBy(() -> removal.delete(row.id().value()))
        .isInstanceOf(OperatorException.class);
    assertThat(queries.backup(row.id()).status()).isEqualTo(Status.COMPLETED);
    Path image = repository().disk(row.vmId(), 0).image(row.disks().getFirst().id());
    Files.delete(manifest.resolve("in-the-way"));
    Files.delete(manifest);
    Files.move(away, manifest);
    Files.delete(image);
    Files.createDirectory(image);
    Files.createFile(image.resolve("in-the-way"));

    refused(Kind.FAILED, () -> removal.delete(row.id().value()), image.toString());
    jobs.recoverDead();
    assertThat(queries.backup(row.id()).status()).isEqualTo(Status.DELETING);
    assertThat(queries.changeId(vm, 0, Optional.empty())).isEmpty();
    BackupRow next = complete();
    Files.delete(image.resolve("in-the-way"));
    jobs.recoverDead();

    assertThat(queries.backup(row.id()).status()).isEqualTo(Status.DELETED);
    assertThat(filesOf(row)).isEmpty();
    sameAsTruth(next);
  }

  @Test
  void severalMayDeleteTheSame() throws Exception {
    BackupRow row = complete();
    Callable<Boolean> delete =
        () -> {
          removal.delete(row.id().value());
          return true;
        };
    try (var threads = Executors.newFixedThreadPool(4)) {
      for (var done : threads.invokeAll(List.of(delete, delete, delete, delete))) {
        assertThat(done.get()).isTrue();
      }
    }

    assertThat(queries.backup(row.id()).status()).isEqualTo(Status.DELETED);
    assertThat(filesOf(row)).isEmpty();
  }
}
