package dev.backstep.job.backup;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupRun;
import dev.backstep.job.OperatorException;
import dev.backstep.job.PlanJobs;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.StepExecution;
import org.springframework.beans.factory.annotation.Autowired;

/** Chains that are shortened, with processes that die on the way, and plans; on each database. */
abstract class MergeRules extends MergeTest {

  @Autowired Merges catalog;
  @Autowired PlanJobs plans;
  @Autowired TaskJobs tasks;
  @Autowired JobRepository batch;

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

  /** An image of the chain that another merge replaces is not the one that was looked at. */
  @Test
  void whatIsReplacedBelowMeanwhileIsNotMerged() throws Exception {
    complete();
    BackupRow second = complete();
    BackupRow third = complete();
    BackupDiskRow middle = second.disks().getFirst();
    AtomicBoolean done = new AtomicBoolean();

    TaskRun run;
    try (FileRecording recording = FileRecording.start(folder, () -> "")) {
      recording.fail((number, site, bytes) -> {
        if (site.call().equals("create")
            && site.what().equals("*.qcow2.partial")
            && !done.getAndSet(true)) {
          catalog.rebased(middle.id(), Optional.empty(), 1, Optional.empty(), false);
        }
        return bytes;
      });
      run = merges.merge(List.of(definition(1)), false, vm);
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
    }

    assertThat(run.state().status()).isEqualTo(Status.FAILED);
    assertThat(run.state().error().orElseThrow())
        .contains(middle.id().value(), "was changed, deleted or found damaged meanwhile");
    BackupDiskRow top = third.disks().getFirst();
    assertThat(images(third, top).chain(top.id())).hasSize(3);
  }

  /** How far an earlier process was with another image says nothing of a clone. */
  @Test
  void cloneIsNotGoneOnWithFromTheStateOfAnotherImage() throws Exception {
    BackupRow first = complete();
    BackupRow second = complete();
    CountDownLatch held = new CountDownLatch(1);
    machine.disks.values().forEach(SimulatedDisk::write);
    machine.beforeRead = () -> SimulatedSource.await(held);
    BackupRun third = jobs.launch(definition(1), RequestedLevel.AUTO);
    TaskRun run =
        stoppedBeforeItReplaces(second, () -> merges.merge(List.of(definition(1)), false, vm));
    BackupDiskRow disk = first.disks().getFirst();
    long sums = Files.size(images(first, disk).currentChecksums(disk.id()));
    StepExecution step =
        batch.getLastStepExecution(batch.getLastJobInstance("merge"), "mergeChains");
    step.getExecutionContext().putString("target", "another image");
    step.getExecutionContext()
        .putString("state", new WriterState(1_966_080, 131_072, 1_966_080, sums).toString());
    batch.updateExecutionContext(step);
    stoppedBeforeItReplaces(second, () -> tasks.relaunch(run.id()));
    held.countDown();
    assertThat(third.await(Duration.ofMinutes(2))).isTrue();

    ended(tasks.relaunch(run.id()));

    assertThat(queries.backup(first.id()).status()).isEqualTo(Status.DELETED);
    restorable(second);
  }

  /** Its first image is a clone that is finished, and waits for a backup of the VM to end. */
  private TaskRun stoppedBeforeItReplaces(BackupRow top, Callable<TaskRun> begin) throws Exception {
    AtomicBoolean cloned = new AtomicBoolean();
    try (FileRecording recording = FileRecording.start(folder, () -> "")) {
      recording.shareBlocks();
      recording.fail((number, site, bytes) -> {
        cloned.compareAndSet(false, site.call().equals("share"));
        return bytes;
      });
      TaskRun run = begin.call();
      while (!(cloned.get() && hasMergedImage(top))) {
        assertThat(run.await(Duration.ofMillis(20))).as("%s", run.state().error()).isFalse();
      }
      tasks.stop(run.id());
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      assertThat(run.state().status()).as("%s", run.state().error()).isEqualTo(Status.STOPPED);
      return run;
    }
  }

  /** The header comes last. */
  private boolean hasMergedImage(BackupRow top) throws IOException {
    for (BackupDiskRow disk : top.disks()) {
      Path merging = images(top, disk).merging(disk.id());
      if (Files.exists(merging)) {
        try (InputStream in = Files.newInputStream(merging)) {
          if (Arrays.equals(in.readNBytes(3), "QFI".getBytes(UTF_8))) {
            return true;
          }
        }
      }
    }
    return false;
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
