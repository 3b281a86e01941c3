package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.ImageMerge;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Level;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.retention.RetentionConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
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
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Chains that are shortened, with processes that die on the way, and plans; on each database. */
@Import({TaskParts.class, RetentionConfiguration.class})
abstract class MergeRules extends OneMachineTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired MergeJobs merges;
  @Autowired Merges catalog;
  @Autowired KeptPoints points;
  @Autowired Proofs proofs;
  @Autowired PlanJobs plans;
  @Autowired Tasks tasks;
  @Autowired TaskJobs taskJobs;
  @Autowired ProcessLease lease;
  @Autowired JdbcClient jdbc;

  private final Map<String, byte[]> truth = new HashMap<>();
  private int chainLimit = 60;

  @BeforeEach
  void makeDisks() {
    for (String key : List.of("a", "b")) {
      machine.disks.put(key, new SimulatedDisk(key, 2_000_000, new Random(key.hashCode())));
    }
  }

  private JobDefinition definition(int last) {
    return SimulatedSource.definition(
        vm,
        folder.resolve("repository"),
        "chain-limit: " + chainLimit,
        "retention: { last: " + last + " }");
  }

  private BackupRow complete() throws Exception {
    return complete(RequestedLevel.AUTO);
  }

  private BackupRow complete(RequestedLevel level) throws Exception {
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

  private void merge(int last, boolean consolidate) throws Exception {
    ended(merges.merge(List.of(definition(last)), consolidate, vm));
  }

  private void ended(TaskRun run) throws Exception {
    assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(Status.COMPLETED);
  }

  private DiskFolder images(BackupRow row, BackupDiskRow disk) throws IOException {
    return Repository.open(folder.resolve("repository")).disk(row.vmId(), disk.diskId());
  }

  /** By stock qemu-img, and catalog and manifests agree on what it stands on. */
  private void restorable(BackupRow before) throws IOException {
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

  private void isBaseline(BackupRow row) {
    for (BackupDiskRow disk : row.disks()) {
      assertThat(queries.baseline(row.repositoryId(), row.vmId(), disk.diskId()))
          .map(Baseline::image)
          .contains(disk.id());
      assertThat(queries.changeId(vm, disk.diskId(), Optional.empty()).orElseThrow().changeId())
          .isEqualTo(disk.changeId())
          .isPresent();
    }
  }

  @Test
  void whatNothingKeepsGoesFromUnderWhatStays() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    BackupRow third = complete();
    BackupRow fourth = complete();

    merge(2, false);

    assertThat(queries.backup(first.id()).status()).isEqualTo(Status.DELETED);
    assertThat(queries.backup(second.id()).status()).isEqualTo(Status.DELETED);
    restorable(third);
    restorable(fourth);
    assertThat(queries.backup(third.id()).disks())
        .allSatisfy(disk -> {
          assertThat(disk.baseId()).isEmpty();
          assertThat(disk.reason()).contains(Reason.CHANGED_EXTENTS);
          assertThat(disk.chainLength()).isEqualTo(1);
        });
    isBaseline(fourth);
    BackupRow fifth = complete();
    assertThat(fifth.disks())
        .allSatisfy(disk -> {
          assertThat(disk.level()).contains(Level.INCREMENTAL);
          assertThat(disk.chainLength()).isEqualTo(3);
        });
    restorable(fifth);
    assertThat(merges.plan(List.of(definition(3)), false).isEmpty()).isTrue();
  }

  private void prove(BackupRow row) {
    for (BackupDiskRow disk : row.disks()) {
      proofs.proven(disk.id(), Proof.STRUCTURE, 1);
      proofs.proven(disk.id(), Proof.DATA, 1);
    }
  }

  private boolean isProven(BackupRow row) {
    return points.images(row.repositoryId(), row.vmId()).stream()
        .filter(image -> image.backup().equals(row.id()))
        .allMatch(KeptPoints.Image::proven);
  }

  /** The newest proven point must not become one that is not. */
  @Test
  void whatWasProvenStaysSoAndNothingElseBecomesIt() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    BackupRow third = complete();
    prove(first);
    prove(second);

    merge(2, true);

    restorable(second);
    restorable(third);
    assertThat(isProven(second)).isTrue();
    assertThat(isProven(third)).isFalse();
    prove(third);
    BackupRow fourth = complete();
    merge(1, false);
    assertThat(isProven(fourth)).isFalse();
    restorable(fourth);
  }

  @Test
  void pinnedOnesStayAndWhatIsBetweenGoes() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    BackupRow third = complete();
    points.pin(first.id());

    merge(1, false);

    assertThat(queries.backup(second.id()).status()).isEqualTo(Status.DELETED);
    restorable(first);
    restorable(third);
    assertThat(queries.backup(third.id()).disks())
        .allSatisfy(disk -> assertThat(disk.chainLength()).isEqualTo(2));
  }

  @Test
  void chainsAtTheirLimitGetANewRootInsteadOfAFullCopy() throws Exception {
    chainLimit = 3;
    BackupRow first = complete();
    BackupRow second = complete();
    assertThat(merges.plan(List.of(definition(9)), false).isEmpty()).isTrue();
    BackupRow third = complete();
    assertThat(merges.plan(List.of(definition(9)), false).roots()).hasSize(2);

    merge(9, false);

    restorable(first);
    restorable(second);
    restorable(third);
    isBaseline(third);
    BackupRow fourth = complete();
    assertThat(fourth.disks())
        .allSatisfy(disk -> {
          assertThat(disk.reason()).contains(Reason.CHANGED_EXTENTS);
          assertThat(disk.chainLength()).isEqualTo(2);
        });
    restorable(fourth);
  }

  @Test
  void deathAfterAnyStepOfTheSwitchLosesNothing() throws Exception {
    int steps = 1;
    for (int done = 0; done <= steps; done++) {
      BackupRow first = complete();
      BackupRow second = complete();
      BackupDiskRow disk = second.disks().getFirst();
      DiskFolder images = images(second, disk);
      Optional<DiskBackupId> below = images.published(first.disks().getFirst().id()).parentId();
      DiskManifest.Replacement next = merged(images, disk.id(), below);
      steps = ReplacementSteps.count(images, disk.id(), next);

      ReplacementSteps.run(images, disk.id(), next, done);

      images.chain(disk.id());
      Path model = folder.resolve("model.raw");
      Files.write(model, truth.get(disk.id().value()));
      Tool.compare(images.image(disk.id()), "qcow2", model, "raw");

      merge(1, false);

      assertThat(queries.backup(first.id()).status()).as("%d", done).isEqualTo(Status.DELETED);
      restorable(second);
      isBaseline(second);
      try (Stream<Path> files = Files.list(images.path())) {
        assertThat(files.filter(file -> file.toString().contains(".merge."))).isEmpty();
      }
    }
  }

  /** As a process leaves it that dies between the files and the catalog. */
  @Test
  void switchedImageStaysProvenWhereItIsWhatWasWritten() throws Exception {
    for (boolean right : List.of(true, false)) {
      BackupRow first = complete(RequestedLevel.FULL);
      BackupRow second = complete();
      prove(first);
      prove(second);
      BackupDiskRow disk = second.disks().getFirst();
      DiskFolder images = images(second, disk);
      DiskManifest.Replacement next = merged(images, disk.id(), Optional.empty());
      ReplacementSteps.run(
          images, disk.id(), next, ReplacementSteps.count(images, disk.id(), next));
      if (!right) {
        byte[] bytes = Files.readAllBytes(images.image(disk.id()));
        bytes[bytes.length / 2] ^= 1;
        Files.write(images.image(disk.id()), bytes);
      }

      merge(1, false);

      assertThat(isProven(second)).isEqualTo(right);
      assertThat(queries.backup(first.id()).status())
          .as("it is the newest proven one now, where the other is not")
          .isEqualTo(right ? Status.DELETED : Status.COMPLETED);
    }
  }

  private static DiskManifest.Replacement merged(
      DiskFolder images, DiskBackupId id, Optional<DiskBackupId> below) throws Exception {
    try (ImageMerge merge =
        ImageMerge.open(
            new ImageMerge.Request(images, id, below, Compression.NONE, 1), Optional.empty())) {
      while (merge.put()) {}
      return merge.finish(Instant.now());
    }
  }

  /** Its newest proof may be gone by the time that a plan is carried out. */
  @Test
  void newestProvenPointOutlivesPlanOfBefore() throws Exception {
    BackupRow first = complete(RequestedLevel.FULL);
    BackupRow second = complete(RequestedLevel.FULL);
    BackupRow third = complete(RequestedLevel.FULL);
    prove(first);
    prove(second);
    String plan = first.id() + "\n" + second.id();
    jdbc.sql("update backup_disks set damaged = true where backup_id = :id")
        .param("id", second.id().value())
        .update();

    ended(taskJobs.launch(tasks.begin(TaskKind.PRUNE, vm, plan, lease.token())));

    assertThat(queries.backup(second.id()).status()).isEqualTo(Status.DELETED);
    restorable(first);
    restorable(third);
    prove(third);
    ended(taskJobs.launch(tasks.begin(TaskKind.PRUNE, vm, plan, lease.token())));
    assertThat(queries.backup(first.id()).status()).isEqualTo(Status.DELETED);
  }

  @Test
  void plansAreApprovedByAnotherUserAndRunAsFarAsTheyStillFit() throws Exception {
    BackupRow first = complete(RequestedLevel.FULL);
    BackupRow second = complete(RequestedLevel.FULL);
    complete(RequestedLevel.FULL);

    PlanRow plan = plans.store(List.of(definition(1)), "anna");

    assertThat(plan.drops()).containsExactly(second.id(), first.id());
    assertThat(plan.bytesFreed()).isPositive();
    refused(() -> plans.approve(plan.id(), "anna"), "another user must approve it");
    assertThat(plans.approve(plan.id(), "berta").approvedBy()).contains("berta");
    refused(() -> plans.approve(plan.id(), "carla"), "APPROVED, not OPEN");
    points.pin(first.id());
    ended(plans.run(plan.id()));
    assertThat(queries.backup(second.id()).status()).isEqualTo(Status.DELETED);
    assertThat(queries.backup(first.id()).status()).isEqualTo(Status.COMPLETED);
    PlanRow run = plans.find(plan.id());
    assertThat(run.note()).isEqualTo(first.id() + ": pinned");
    assertThat(run.taskId()).isPresent();
    refused(() -> plans.run(plan.id()), "is RUN");

    points.unpin(first.id());
    PlanRow later = plans.store(List.of(definition(1)), "anna");
    points.pin(first.id());
    refused(() -> plans.run(later.id()), "nothing of it would go: " + first.id() + ": pinned");
    Page<PlanRow> newest = plans.page(PageRequest.first(1));
    assertThat(newest.items()).extracting(PlanRow::id).containsExactly(later.id());
    assertThat(plans.page(new PageRequest(newest.next(), 10)).items())
        .extracting(PlanRow::id)
        .startsWith(plan.id());
  }

  private static void refused(ThrowingCallable call, String text) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            OperatorException.class,
            e -> assertThat(e.kind()).isEqualTo(OperatorException.Kind.CONFLICT))
        .hasMessageContaining(text);
  }

  @Test
  void backupsGoOnBesideIt() throws Exception {
    for (int i = 0; i < 4; i++) {
      complete();
    }
    TaskRun run = merges.merge(List.of(definition(2)), true, vm);
    BackupRow fifth = complete();
    BackupRow sixth = complete();
    ended(run);

    restorable(fifth);
    restorable(sixth);
    isBaseline(sixth);
    assertThat(catalog.images(sixth.repositoryId(), sixth.vmId())).isNotEmpty();
  }
}
