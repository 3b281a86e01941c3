package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.copy.CopyConfiguration;
import dev.backstep.repository.Repository;
import dev.backstep.testing.TemporaryHome;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

/** Restore points that have copies in a second repository, which lives its own life. */
@Import({CopyConfiguration.class, TaskParts.class})
class CopyH2IT extends OneMachineTest {

  static {
    System.setProperty("backstep.home", TemporaryHome.make().toString());
  }

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired CopyJobs copies;
  @Autowired TaskJobs tasks;
  @Autowired RestorePointRemoval removal;

  private final Map<String, byte[]> truth = new HashMap<>();

  @BeforeEach
  void makeDisks() {
    for (String key : List.of("a", "b")) {
      machine.disks.put(key, new SimulatedDisk(key, 2_000_000, new Random(key.hashCode())));
    }
  }

  private JobDefinition definition(String repository) {
    return SimulatedSource.definition(vm, folder.resolve(repository));
  }

  private BackupRow backUp(String repository, RequestedLevel level) throws Exception {
    machine.disks.values().forEach(SimulatedDisk::write);
    BackupRun run = jobs.launch(definition(repository), level);
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    BackupRow row = queries.backup(run.backup());
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    for (var disk : row.disks()) {
      truth.put(disk.id().value(), machine.disks.get(disk.diskKey().value()).content());
    }
    return row;
  }

  private BackupRow backUp() throws Exception {
    return backUp("repository", RequestedLevel.AUTO);
  }

  private CopyRequest request(OptionalInt last) {
    return new CopyRequest(
        folder.resolve("repository"), folder.resolve("second"), List.of(), last, List.of());
  }

  private static TaskRow ended(TaskRun run) throws InterruptedException {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    return run.state();
  }

  private static void completed(TaskRun run) throws InterruptedException {
    TaskRow row = ended(run);
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    assertThat(row.bytesDone()).isEqualTo(row.bytesTotal());
  }

  private RepositoryCheck.Result second() throws IOException {
    RepositoryCheck.Result found =
        new RepositoryCheck(Repository.open(folder.resolve("second"))).run((images, of) -> {});
    assertThat(found.problems()).isEmpty();
    return found;
  }

  /** The restore points there, oldest first, each compared with what the disks held. */
  private List<String> copied() throws IOException {
    Repository second = Repository.open(folder.resolve("second"));
    List<String> ids = new ArrayList<>();
    for (var point : second().points().reversed()) {
      ids.add(point.backupId());
      for (var disk : point.disks()) {
        Path model = folder.resolve("model.raw");
        Files.write(model, truth.get(disk.diskBackupId()));
        Path image =
            second
                .disk(definition("second").vmId(), disk.diskId())
                .image(new dev.backstep.domain.DiskBackupId(disk.diskBackupId()));
        Tool.checkImage(image);
        Tool.compare(image, "qcow2", model, "raw");
      }
    }
    return ids;
  }

  @Test
  void onlyMissingImagesMoveAndNobodyGoesOnFromACopy() throws Exception {
    BackupRow first = backUp();
    BackupRow second = backUp();
    BackupRow third = backUp();

    completed(copies.copy(request(OptionalInt.of(1))));

    assertThat(copied()).containsExactly(third.id().value());
    assertThat(second().images()).as("with all that it stands on").hasSize(6);
    assertThat(second().images())
        .allSatisfy(image -> {
          assertThat(image.changeId()).isNull();
          assertThat(image.previousChangeId()).isNull();
        });
    assertThat(second().points().getFirst().copiedFrom())
        .isEqualTo(Repository.open(folder.resolve("repository")).id().value());
    Map<Path, Object> before = keys();
    BackupRow fourth = backUp();
    assertThat(fourth.disks())
        .as("the source's own chain goes on")
        .allSatisfy(disk -> assertThat(disk.reason()).contains(Reason.CHANGED_EXTENTS));

    completed(copies.copy(request(OptionalInt.empty())));

    assertThat(copied())
        .containsExactly(
            first.id().value(), second.id().value(), third.id().value(), fourth.id().value());
    assertThat(second().images()).hasSize(8);
    assertThat(keys()).as("what was there stays the same file").containsAllEntriesOf(before);
    BackupRow there = backUp("second", RequestedLevel.AUTO);
    assertThat(there.disks())
        .as("a copy is nobody's baseline")
        .allSatisfy(disk -> assertThat(disk.reason()).contains(Reason.NO_BASELINE));
    assertThat(backUp().disks())
        .allSatisfy(disk -> assertThat(disk.reason()).contains(Reason.CHANGED_EXTENTS));
  }

  private Map<Path, Object> keys() throws IOException {
    Map<Path, Object> keys = new HashMap<>();
    try (var files = Files.walk(folder.resolve("second"))) {
      for (Path file : files.filter(file -> file.toString().endsWith(".qcow2")).toList()) {
        keys.put(file, Files.getAttribute(file, "unix:ino"));
      }
    }
    return keys;
  }

  @Test
  void retentionOfTheCopiesIsTheirOwn() throws Exception {
    CopyDefinition copy =
        new CopyDefinition(
            folder.resolve("second").toString(),
            Optional.of(new RetentionDefinition(2, 0, 0, 0, 0, 0, Duration.ZERO)));
    List<BackupRow> made = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      made.add(backUp("repository", i == 2 ? RequestedLevel.FULL : RequestedLevel.AUTO));
      completed(copies.copy(definition("repository"), copy, vm));
    }

    assertThat(copied()).containsExactly(made.get(2).id().value(), made.get(3).id().value());
    assertThat(second().images()).as("chains that nothing needs are gone").hasSize(4);
    assertThat(second().strays()).isEmpty();
    removal.delete(made.get(3).id().value());
    assertThat(copied()).contains(made.get(3).id().value());
    BackupRow next = backUp();
    completed(copies.copy(definition("repository"), copy, vm));
    assertThat(copied()).containsExactly(made.get(3).id().value(), next.id().value());
  }

  @Test
  void whatIsDamagedIsNotCopied() throws Exception {
    BackupRow first = backUp();
    BackupRow second = backUp();
    var disk = second.disks().getLast();
    Path image =
        Repository.open(folder.resolve("repository"))
            .disk(second.vmId(), disk.diskId())
            .image(disk.id());
    byte[] bytes = Files.readAllBytes(image);
    byte[] damaged = bytes.clone();
    damaged[damaged.length / 2] ^= 4;
    Files.write(image, damaged);

    TaskRow failed = ended(copies.copy(request(OptionalInt.empty())));

    assertThat(failed.status()).isEqualTo(Status.FAILED);
    assertThat(failed.error().orElse("")).contains(image.toString(), "CRC-32C");
    assertThat(copied()).containsExactly(first.id().value());
    Files.write(image, bytes);
    completed(tasks.relaunch(failed.id()));
    assertThat(copied()).containsExactly(first.id().value(), second.id().value());
  }

  @Test
  void placesThatMakeNoSenseAreRefused() throws Exception {
    backUp();
    for (String place : List.of("repository", "repository/vms/x", "")) {
      CopyRequest request =
          new CopyRequest(
              folder.resolve("repository"),
              folder.resolve(place),
              List.of(),
              OptionalInt.empty(),
              List.of());
      assertThatThrownBy(() -> copies.copy(request)).isInstanceOf(OperatorException.class);
    }
    CopyRequest unknown =
        new CopyRequest(
            folder.resolve("repository"),
            folder.resolve("second"),
            List.of("nobody"),
            OptionalInt.empty(),
            List.of());
    assertThatThrownBy(() -> copies.copy(unknown)).hasMessageContaining("nobody");
  }
}
