package dev.backstep.job.retention;

import dev.backstep.backup.ImageMerge;
import dev.backstep.backup.MergeProof;
import dev.backstep.backup.Rebase;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.Transactions;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.Failures;
import dev.backstep.job.MergePlanner;
import dev.backstep.job.MergeWork;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskManifest;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.core.scope.context.ChunkContext;
import org.springframework.batch.core.step.StepContribution;
import org.springframework.batch.core.step.tasklet.Tasklet;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStream;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.repeat.RepeatStatus;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Writes images anew until nothing stands on what shall go, then deletes that. At each call a part
 * of one image, or one restore point. What is left to do is read off the catalog each time; only
 * how far the image in work is has to be remembered. Runs outside any transaction: the switch from
 * one image to the other has its own.
 */
@Component
@StepScope
class MergeChains implements Tasklet, ItemStream {

  private static final Logger log = LoggerFactory.getLogger(MergeChains.class);

  /** How long a part takes: a stop waits for it. */
  private static final Duration PART = Duration.ofMillis(300);

  /** Between two looks at whether a VM's backup has ended. */
  private static final Duration BUSY_PAUSE = Duration.ofMillis(500);

  /** Read again in one part. */
  private static final long PROVEN_BYTES = 256L << 20;

  private static final String TARGET = "target";
  private static final String STATE = "state";
  private static final String DONE = "done";
  private static final String NEXT = "next";

  private final String id;
  private final Tasks tasks;
  private final RunningTasks running;
  private final TaskQueries queries;
  private final Transactions transactions;
  private final Merges merges;
  private final KeptPoints points;
  private final BackupQueries backups;
  private final RepositoryLocks locks;
  private final PointDrop drops;

  private @Nullable MergeTarget target;
  private @Nullable ImageMerge merge;

  /** Of an image whose files were switched before the catalog knew, by a process that died. */
  private @Nullable MergeProof proof;

  private DiskManifest.@Nullable Replacement finished;
  private boolean proved;

  /** Of an earlier process: the image in work, and how far it was. */
  private String remembered = "";

  private String state = "";
  private long bytesDone;
  private int next;

  /** Images that are not written anew in this run; the rest goes on without them. */
  private final Set<DiskBackupId> left = new HashSet<>();

  private @Nullable Exception failure;

  MergeChains(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      Tasks tasks,
      RunningTasks running,
      TaskQueries queries,
      PlatformTransactionManager manager,
      Merges merges,
      KeptPoints points,
      BackupQueries backups,
      RepositoryLocks locks,
      PointDrop drops) {
    this.id = id;
    this.tasks = tasks;
    this.running = running;
    this.queries = queries;
    this.transactions = new Transactions(manager);
    this.merges = merges;
    this.points = points;
    this.backups = backups;
    this.locks = locks;
    this.drops = drops;
  }

  @Override
  public void open(ExecutionContext context) {
    remembered = context.getString(TARGET, "");
    state = context.getString(STATE, "");
    bytesDone = context.getLong(DONE, 0);
    next = context.getInt(NEXT, 0);
  }

  @Override
  public void update(ExecutionContext context) {
    context.putString(TARGET, remembered);
    context.putString(STATE, state);
    context.putLong(DONE, bytesDone);
    context.putInt(NEXT, next);
  }

  @Override
  public RepeatStatus execute(StepContribution contribution, ChunkContext context)
      throws IOException, InterruptedException {
    TaskRow task = queries.find(id).orElseThrow();
    transactions.in(() -> {
      running.lock(id);
      return task;
    });
    MergeWork work = MergeWork.parse(task.settings());
    MergeTarget inWork = target;
    if (inWork != null) {
      guarded(inWork, () -> part(task, inWork));
      return RepeatStatus.CONTINUABLE;
    }
    Optional<MergeTarget> chosen = choose(work);
    if (chosen.isPresent()) {
      guarded(chosen.get(), () -> begin(task, chosen.get()));
      return RepeatStatus.CONTINUABLE;
    }
    if (next < work.going().size()) {
      drop(task, work.going().get(next));
      return RepeatStatus.CONTINUABLE;
    }
    if (failure != null) {
      throw OperatorException.failed(
          "not all could be merged, nothing is lost: " + Failures.text(failure), failure);
    }
    return RepeatStatus.FINISHED;
  }

  private interface Part {
    void run() throws IOException, InterruptedException;
  }

  /** One image that cannot be merged does not keep the others from it. */
  private void guarded(MergeTarget of, Part part) throws IOException, InterruptedException {
    try {
      part.run();
    } catch (FencedException e) {
      throw e;
    } catch (IOException | OperatorException | IllegalArgumentException e) {
      log.error("{}: {} cannot be merged: {}", id, of.image(), Failures.text(e));
      left.add(of.image());
      failure = failure == null ? e : failure;
      leave();
    }
  }

  private Optional<MergeTarget> choose(MergeWork work) throws IOException {
    Set<MergeTarget.Machine> machines = new HashSet<>();
    for (BackupId backup : work.going()) {
      backups.find(backup.value()).map(MergeTarget.Machine::of).ifPresent(machines::add);
    }
    for (DiskBackupId root : work.roots()) {
      backups.find(root.value()).map(MergeTarget.Machine::of).ifPresent(machines::add);
    }
    Set<BackupId> going = new HashSet<>(work.going());
    going.removeIf(backup -> points.isPinned(backup) || !isRestorePoint(backup));
    for (MergeTarget.Machine machine : machines) {
      List<Merges.Image> images = merges.images(machine.repositoryId(), machine.vm());
      for (Rebase rebase : Rebase.of(MergePlanner.links(images), going, Set.copyOf(work.roots()))) {
        if (left.contains(rebase.image())) {
          continue;
        }
        boolean proven = merges.isProven(rebase.image(), rebase.base());
        MergeTarget one = MergeTarget.of(machine, rebase, images, backups, locks, proven);
        if (!one.isImmutable()) {
          return Optional.of(one);
        }
        log.info("{}: {} is immutable, and stays as it is for now", id, one.image());
        left.add(one.image());
      }
    }
    return Optional.empty();
  }

  private boolean isRestorePoint(BackupId backup) {
    return backups
        .find(backup.value())
        .map(BackupRow::status)
        .equals(Optional.of(Status.COMPLETED));
  }

  private void begin(TaskRow task, MergeTarget chosen) throws IOException, InterruptedException {
    target = chosen;
    chosen.folder().settle(chosen.image());
    DiskManifest manifest = chosen.folder().published(chosen.image());
    if (manifest.parentId().equals(chosen.base())) {
      return; // the files were switched, and the catalog does not know it yet
    }
    Optional<WriterState> resume =
        remembered.equals(chosen.name())
                && !state.isEmpty()
                && ImageMerge.canResume(chosen.folder(), chosen.image())
            ? Optional.of(WriterState.parse(state))
            : Optional.empty();
    remembered = chosen.name();
    merge = chosen.open(resume);
    // An image that is not gone on with but begun anew has no state yet, whatever there was of it.
    state = merge.durable().map(WriterState::toString).orElse("");
    log.info(
        "{}: {} is written anew, standing on {}{}",
        id,
        chosen.image(),
        chosen.base().map(DiskBackupId::value).orElse("nothing"),
        resume.map(at -> ", going on at byte " + at.guestOffset()).orElse(""));
  }

  private void part(TaskRow task, MergeTarget of) throws IOException, InterruptedException {
    ImageMerge open = merge;
    if (open == null) {
      if (!of.proven() || proved || !proveMore(of)) {
        record(task, of, of.folder().published(of.image()));
      }
      return;
    }
    if (finished == null) {
      long end = System.nanoTime() + PART.toNanos();
      boolean more = true;
      while (more && System.nanoTime() < end) {
        more = open.put();
      }
      open.durable().ifPresent(at -> state = at.toString());
      tasks.progress(
          id,
          bytesDone + open.bytesDone(),
          Math.max(task.bytesTotal(), bytesDone + open.bytesTotal()));
      if (!more) {
        finished = open.finish(Instant.now());
      }
    }
    DiskManifest.Replacement next = finished;
    if (next != null && !(of.proven() && !proved && proveMore(open))) {
      replace(task, of, next);
    }
  }

  /** What was proven stays so: retention counts on it. */
  private boolean proveMore(ImageMerge open) throws IOException {
    boolean more = open.prove(PROVEN_BYTES);
    proved = !more;
    return more;
  }

  /** The same of one that was switched: nobody remembers whether it was read before that. */
  private boolean proveMore(MergeTarget of) {
    try {
      MergeProof open = proof;
      if (open == null) {
        open =
            MergeProof.open(
                of.folder().image(of.image()), of.folder().currentChecksums(of.image()));
        proof = open;
      }
      boolean more = open.check(PROVEN_BYTES);
      proved = !more;
      return more;
    } catch (IOException e) {
      log.error("{}: {} does not count as proven any more: {}", id, of.image(), e.getMessage());
      return false;
    }
  }

  /** In one transaction, beside which no backup of the VM begins. */
  private void replace(TaskRow task, MergeTarget of, DiskManifest.Replacement with)
      throws IOException, InterruptedException {
    try {
      transactions.in(() -> {
        lock(task, of);
        of.requireUnchanged(merges);
        of.folder().replace(of.image(), with);
        merges.rebased(
            of.image(),
            of.base(),
            with.imageBytes(),
            Optional.ofNullable(with.checksumKind()),
            proved);
        return with;
      });
      bytesDone += merge == null ? 0 : merge.bytesTotal();
      leave();
    } catch (VmBusyException e) {
      Thread.sleep(BUSY_PAUSE); // a backup of the VM runs: all is ready, and waits
    }
  }

  private void record(TaskRow task, MergeTarget of, DiskManifest manifest)
      throws IOException, InterruptedException {
    try {
      transactions.in(() -> {
        lock(task, of);
        merges.rebased(
            of.image(), of.base(), manifest.imageBytes(), manifest.kindOfChecksums(), proved);
        return of;
      });
      leave();
    } catch (VmBusyException e) {
      Thread.sleep(BUSY_PAUSE);
    }
  }

  private void lock(TaskRow task, MergeTarget of) throws FencedException {
    running.lock(id);
    merges.lock(of.machine().vm());
  }

  private void drop(TaskRow task, BackupId backup) throws InterruptedException {
    try {
      drops.drop(task, backup.value());
      next++;
    } catch (OperatorException e) {
      if (e.kind() != OperatorException.Kind.BUSY) {
        throw e;
      }
      Thread.sleep(BUSY_PAUSE);
    }
  }

  private void leave() throws IOException {
    ImageMerge open = merge;
    MergeProof reread = proof;
    target = null;
    merge = null;
    proof = null;
    finished = null;
    proved = false;
    remembered = "";
    state = "";
    try (reread;
        open) {
      // both may be null
    }
  }

  @Override
  public void close() {
    ImageMerge open = merge;
    MergeProof reread = proof;
    merge = null;
    proof = null;
    try (reread;
        open) {
      // both may be null
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }
}
