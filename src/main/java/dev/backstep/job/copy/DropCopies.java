package dev.backstep.job.copy;

import dev.backstep.backup.RetentionRules;
import dev.backstep.catalog.Copies;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskListener;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.HeldImages;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Deletes the copies of a VM that their retention does not keep: first the restore points' files,
 * then the copied images that none of those left needs, each before the one that it stands on. Done
 * again it goes on where it was cut off. Touches nothing that was not copied here.
 */
@Component
class DropCopies implements Tasklet {

  private static final Logger log = LoggerFactory.getLogger(DropCopies.class);

  private final RunningTasks running;
  private final TaskQueries queries;
  private final Copies copies;
  private final Transactions transactions;

  DropCopies(
      RunningTasks running,
      TaskQueries queries,
      Copies copies,
      PlatformTransactionManager manager) {
    this.running = running;
    this.queries = queries;
    this.copies = copies;
    this.transactions = new Transactions(manager);
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext context)
      throws IOException {
    TaskRow task =
        queries
            .find(TaskListener.task(contribution.getStepExecution().getJobParameters()))
            .orElseThrow();
    CopySettings settings = CopySettings.read(task.settings());
    CopySettings.Retention retention = settings.retention();
    if (retention != null) {
      transactions.in(() -> {
        running.lock(task.id());
        return task;
      });
      Repository repository = Repository.open(Path.of(settings.target()));
      VmId vm = new VmId(retention.vmId());
      dropPoints(repository, vm, retention);
      dropImages(repository, vm);
    }
    return RepeatStatus.FINISHED;
  }

  private void dropPoints(Repository repository, VmId vm, CopySettings.Retention retention)
      throws IOException {
    List<Copies.Point> there = new ArrayList<>();
    for (Copies.Point point : copies.points(repository.id(), vm)) {
      if (repository.holds(vm, point.id())) {
        there.add(point);
      } else {
        // An earlier try came no further, and perhaps not to its end.
        repository.withdraw(vm, point.id());
        copies.gone(repository.id(), point.id());
      }
    }
    List<RetentionRules.Point> points =
        there.stream()
            .map(point -> new RetentionRules.Point(point.id(), point.takenAt(), false, true))
            .toList();
    Set<BackupId> kept =
        RetentionRules.kept(points, retention.rules(), ZoneId.of(retention.zone()), Instant.now())
            .keySet();
    for (RetentionRules.Point point : points) {
      if (!kept.contains(point.id())) {
        repository.withdraw(vm, point.id());
        copies.gone(repository.id(), point.id());
        log.info("{}: the copy in {} is deleted", point.id(), repository.root());
      }
    }
  }

  private void dropImages(Repository repository, VmId vm) throws IOException {
    Holdings holdings = Holdings.of(repository);
    HeldImages held = HeldImages.of(repository);
    List<String> problems = new ArrayList<>(holdings.problems());
    problems.addAll(held.problems());
    if (!problems.isEmpty()) {
      // What cannot be read may need any of them.
      log.warn("{}: images stay: {}", repository.root(), problems);
      return;
    }
    Set<String> unneeded =
        held.unneeded(holdings.points()).stream()
            .map(DiskManifest::diskBackupId)
            .collect(Collectors.toSet());
    for (Copies.Image image : copies.images(repository.id(), vm)) {
      DiskFolder folder = repository.disk(vm, image.diskId());
      boolean gone = !Files.exists(folder.image(image.id()));
      if (gone || (unneeded.contains(image.id().value()) && !stoodOn(folder, image))) {
        folder.removeImage(image.id());
        folder.removeManifest(image.id());
        copies.gone(repository.id(), image.id());
      }
    }
  }

  private static boolean stoodOn(DiskFolder folder, Copies.Image image) throws IOException {
    return folder.standingOn(image.id()).isPresent();
  }
}
