package dev.backstep.job.copy;

import dev.backstep.backup.ImageTransfer;
import dev.backstep.backup.MissingImages;
import dev.backstep.catalog.Copies;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.item.ItemStreamReader;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * Walks over restore points. An item is the number of the one in work; writing it begins an image,
 * copies a part of it, or publishes the restore point. What is there is not copied again, so only
 * the image in work needs to be remembered.
 */
@Component
@StepScope
class CopyStep implements ItemStreamReader<Integer>, ItemWriter<Integer> {

  private static final Logger log = LoggerFactory.getLogger(CopyStep.class);

  /** What a kill costs at most; each part is forced. */
  private static final long PART_BYTES = 128L << 20;

  private static final String IMAGE = "image";
  private static final String STATE = "state";
  private static final String BYTES = "bytes";

  private final String id;
  private final Tasks tasks;
  private final RunningTasks running;
  private final TaskQueries queries;
  private final Copies copies;
  private final RepositoryLocks locks;

  private @Nullable CopySettings settings;
  private @Nullable Repository source;
  private @Nullable Repository target;
  private int index;

  /** The restore point that the catalog knows to be coming. */
  private int noted = -1;

  /** Of whole images. */
  private long bytesDone;

  private long bytesTotal;
  private String image = "";
  private String state = "";
  private long imageBytes;
  private @Nullable ImageTransfer transfer;

  CopyStep(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      Tasks tasks,
      RunningTasks running,
      TaskQueries queries,
      Copies copies,
      RepositoryLocks locks) {
    this.locks = locks;
    this.id = id;
    this.tasks = tasks;
    this.running = running;
    this.queries = queries;
    this.copies = copies;
  }

  @Override
  public void open(ExecutionContext context) {
    TaskRow row = queries.find(id).orElseThrow();
    CopySettings read = CopySettings.read(row.settings());
    settings = read;
    try {
      Repository from = Repository.open(Path.of(read.source()));
      Repository to = locks.take(Repository.open(Path.of(read.target())));
      source = from;
      target = to;
      bytesDone = context.getLong(BYTES, 0);
      image = context.getString(IMAGE, "");
      state = context.getString(STATE, "");
      bytesTotal = bytesDone + left(from, to, read.points());
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  private static long left(Repository from, Repository to, List<CopySettings.Point> points)
      throws IOException {
    Map<String, Long> bytes = new HashMap<>();
    for (CopySettings.Point point : points) {
      VmId vm = new VmId(point.vmId());
      BackupId backup = new BackupId(point.backupId());
      if (from.holds(vm, backup) && !to.holds(vm, backup)) {
        for (DiskManifest one : MissingImages.of(from, from.restorePoint(vm, backup), to)) {
          bytes.put(one.diskBackupId(), one.imageBytes());
        }
      }
    }
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  private CopySettings settings() {
    return opened(settings);
  }

  private Repository source() {
    return opened(source);
  }

  private Repository target() {
    return opened(target);
  }

  private <T> T opened(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException(id + " is not open");
    }
    return part;
  }

  @Override
  public @Nullable Integer read() {
    return index < settings().points().size() ? index : null;
  }

  @Override
  public void write(Chunk<? extends Integer> chunk) throws IOException {
    running.lock(id);
    ImageTransfer running = transfer;
    if (running == null) {
      begin();
    } else {
      part(running);
    }
  }

  private void begin() throws IOException {
    CopySettings.Point asked = settings().points().get(index);
    VmId vm = new VmId(asked.vmId());
    BackupId backup = new BackupId(asked.backupId());
    if (!source().holds(vm, backup)) {
      log.info("{}: {} is not there any more and is left out", id, backup);
      index++;
      return;
    }
    RestorePoint point = source().restorePoint(vm, backup);
    List<DiskManifest> missing = MissingImages.of(source(), point, target());
    if (missing.isEmpty() && noted != index) {
      // Like images, below: in a transaction before the one in which its file is published.
      copies.copied(
          target().id(), vm, source().id(), backup, Instant.parse(point.snapshotTakenAt()));
      noted = index;
      return;
    }
    if (missing.isEmpty()) {
      target().publish(vm, point.copiedTo(target().id()));
      log.info("{}: {} is copied to {}", id, backup, target().root());
      index++;
      return;
    }
    // Noted in a transaction of its own, before anything of it can be there: nothing of ours is
    // ever
    // lost sight of.
    begin(vm, missing.getFirst());
  }

  private void begin(VmId vm, DiskManifest next) throws IOException {
    DiskBackupId nextId = new DiskBackupId(next.diskBackupId());
    copies.copying(target().id(), vm, new Copies.Image(nextId, next.diskId(), next.imageBytes()));
    Optional<String> before =
        image.equals(nextId.value()) && !state.isEmpty() ? Optional.of(state) : Optional.empty();
    image = nextId.value();
    state = before.orElse("");
    imageBytes = next.imageBytes();
    Optional<ChecksumKind> kind = next.kindOfChecksums().flatMap(ChecksumKind::of);
    if (kind.isPresent()) {
      target().admit(kind.get());
    }
    transfer =
        ImageTransfer.open(
            source().disk(vm, next.diskId()), target().disk(vm, next.diskId()), nextId, before);
    log.info("{}: {}{}", id, nextId, before.map(at -> ", going on at " + at).orElse(""));
  }

  private void part(ImageTransfer running) throws IOException {
    running.part(PART_BYTES);
    state = running.state();
    if (running.isEnded()) {
      running.publish(target().id());
      bytesDone += imageBytes;
      image = "";
      state = "";
      close();
    }
    tasks.progress(
        id, Math.min(bytesDone + (transfer == null ? 0 : running.bytes()), bytesTotal), bytesTotal);
  }

  @Override
  public void update(ExecutionContext context) {
    context.putString(IMAGE, image);
    context.putString(STATE, state);
    context.putLong(BYTES, bytesDone);
  }

  @Override
  public void close() {
    ImageTransfer running = transfer;
    transfer = null;
    if (running != null) {
      try {
        running.close();
      } catch (IOException e) {
        throw new ItemStreamException(e.getMessage(), e);
      }
    }
  }
}
