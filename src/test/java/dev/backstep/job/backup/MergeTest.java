package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.ImageMerge;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.retention.RetentionConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

/** Chains that are shortened of a machine with two disks, compared with what they held. */
@Import({TaskParts.class, RetentionConfiguration.class})
abstract class MergeTest extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired MergeJobs merges;
  @Autowired KeptPoints points;

  final Map<String, byte[]> truth = new HashMap<>();
  int chainLimit = 60;

  @BeforeEach
  void makeDisks() {
    for (String key : List.of("a", "b")) {
      machine.disks.put(key, new SimulatedDisk(key, 2_000_000, new Random(key.hashCode())));
    }
  }

  JobDefinition definition(int last) {
    return SimulatedSource.definition(
        vm,
        folder.resolve("repository"),
        "chain-limit: " + chainLimit,
        "retention: { last: " + last + " }");
  }

  BackupRow complete() throws Exception {
    return complete(RequestedLevel.AUTO);
  }

  BackupRow complete(RequestedLevel level) throws Exception {
    machine.disks.values().forEach(SimulatedDisk::write);
    var run = jobs.launch(definition(1), level);
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    BackupRow row = queries.backup(run.backup());
    assertThat(row.status()).as("%s", row.error()).isEqualTo(Status.COMPLETED);
    for (BackupDiskRow disk : row.disks()) {
      truth.put(disk.id().value(), machine.disks.get(disk.diskKey().value()).content());
    }
    return row;
  }

  void merge(int last, boolean consolidate) throws Exception {
    ended(merges.merge(List.of(definition(last)), consolidate, vm));
  }

  void ended(TaskRun run) throws Exception {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(Status.COMPLETED);
  }

  DiskFolder images(BackupRow row, BackupDiskRow disk) throws IOException {
    return Repository.open(folder.resolve("repository")).disk(row.vmId(), disk.diskId());
  }

  /** By stock qemu-img, and catalog and manifests agree on what it stands on. */
  void restorable(BackupRow before) throws IOException {
    BackupRow row = queries.backup(before.id());
    for (BackupDiskRow disk : row.disks()) {
      Path model = folder.resolve("model.raw");
      Files.write(model, truth.get(disk.id().value()));
      Path image = images(row, disk).image(disk.id());
      Tool.checkImage(image);
      Tool.compare(image, "qcow2", model, "raw");
      List<DiskManifest> chain = images(row, disk).chain(disk.id());
      assertThat(disk.chainLength()).as("%s", disk.id()).isEqualTo(chain.size());
      assertThat(disk.baseId()).isEqualTo(chain.getFirst().parentId());
      assertThat(disk.bytesStored()).isEqualTo(Files.size(image));
    }
  }

  static DiskManifest.Replacement merged(
      DiskFolder images, DiskBackupId id, Optional<DiskBackupId> below) throws Exception {
    try (ImageMerge merge =
        ImageMerge.open(
            new ImageMerge.Request(images, id, below, Compression.NONE, 1), Optional.empty())) {
      while (merge.put()) {}
      return merge.finish(Instant.now());
    }
  }
}
