package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.RetoldReader;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.source.SourceDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Copies one disk into one image, in a way that can stop after any item and go on in another
 * process: take items with {@link #next}, put each with {@link #put} in the same order, remember
 * {@link #durable} now and then, and at the end {@link #seal}. For one thread, but for {@link
 * #progressBytes}.
 */
public final class DiskBackup implements Closeable {

  /** Blocks kept in flight ahead of the writer. */
  private static final int AHEAD = 8;

  /** Blocks that the read-ahead and the image's writers hold together. */
  private static final int BLOCKS = AHEAD + 16;

  /** What a kill costs at most, on top of what is in flight; forcing more often costs speed. */
  private static final Duration CHECKPOINT_PERIOD = Duration.ofMillis(250);

  private final Request request;
  private final DiskFolder folder;
  private long checkpointAt = System.nanoTime() - CHECKPOINT_PERIOD.toNanos();
  private final @Nullable DiskManifest published;
  private @Nullable Copy copy;
  private final Pace pace = new Pace(System.nanoTime());
  private volatile long progressBytes;
  private long bytesRead;

  /**
   * @param changeId what the snapshot carried for this disk
   * @param snapshotTakenAt moment of the snapshot that the disk belongs to
   * @param compressionLevel zstd level; without meaning when compression is NONE
   */
  public record Request(
      BackupId backup,
      DiskBackupId id,
      RepositoryId repository,
      VmId vm,
      String vmName,
      int diskId,
      DiskKey diskKey,
      Optional<ChangeId> changeId,
      DiskPlan plan,
      Instant snapshotTakenAt,
      Compression compression,
      int compressionLevel,
      ChecksumKind checksum) {}

  /** The parts of a copy that is going on. */
  private record Copy(
      BlockPlan plan,
      BlockReader disk,
      Optional<BlockReader> base,
      ReadAhead ahead,
      ChecksumLog checksums,
      Qcow2Writer image,
      ImageFill fill)
      implements Closeable {

    @Override
    public void close() throws IOException {
      ahead.close();
      try (checksums;
          disk;
          image) {
        if (base.isPresent()) {
          base.get().close();
        }
      }
    }
  }

  private DiskBackup(Request request, DiskFolder folder, @Nullable DiskManifest published) {
    this.request = request;
    this.folder = folder;
    this.published = published;
  }

  /**
   * Begins a disk backup, or goes on with one.
   *
   * @param resume the last state remembered of a copy of the same plan from the same snapshot;
   *     empty to begin anew, whatever is left of an earlier try
   * @throws java.io.EOFException when the checksums are shorter than they were at that state: begin
   *     anew
   * @throws UnreadableBaseException when the chain that it is compared with cannot be opened
   * @throws IOException when the disk cannot be opened or the image cannot be made
   */
  public static DiskBackup open(
      Request request, SourceDisk disk, DiskFolder folder, Optional<WriterState> resume)
      throws IOException {
    folder.create();
    Optional<DiskManifest> manifest = folder.manifest(request.id());
    if (manifest.isPresent()
        && sameCopy(manifest.get(), request)
        && folder.canPublish(request.id())) {
      return new DiskBackup(request, folder, manifest.get());
    }
    DiskBackup backup = new DiskBackup(request, folder, null);
    backup.copy = backup.openCopy(disk, resume);
    return backup;
  }

  /** Whether an image that was finished, but not recorded as completed, is what is asked for. */
  private static boolean sameCopy(DiskManifest manifest, Request request) {
    return manifest.snapshotTakenAt().equals(request.snapshotTakenAt().toString())
        && manifest.backupId().equals(request.backup().value())
        && manifest.reason().equals(request.plan().reason().name())
        && manifest.parentId().equals(request.plan().base().map(Baseline::image));
  }

  private Copy openCopy(SourceDisk source, Optional<WriterState> resume) throws IOException {
    if (resume.isEmpty()) {
      folder.discard(request.id());
    }
    ChecksumLog checksums = openChecksums(resume);
    try {
      return openCopy(source, resume, checksums);
    } catch (IOException | RuntimeException e) {
      checksums.close();
      throw e;
    }
  }

  private Copy openCopy(SourceDisk source, Optional<WriterState> resume, ChecksumLog checksums)
      throws IOException {
    DiskPlan plan = request.plan();
    Qcow2Writer image = openImage(resume, checksums);
    try {
      BlockReader disk = source.open(BLOCKS);
      try {
        Optional<BlockReader> base = openBase(plan);
        long from = resume.map(WriterState::guestOffset).orElse(0L);
        progressBytes = plan.clusters().dataBytesBefore(from);
        BlockPlan reads = new BlockPlan(plan.clusters(), from);
        ReadAhead ahead = new ReadAhead(disk, base, reads, AHEAD);
        BlockPlan items = new BlockPlan(plan.clusters(), from);
        return new Copy(items, disk, base, ahead, checksums, image, new ImageFill(image));
      } catch (IOException | RuntimeException e) {
        disk.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      image.close();
      throw e;
    }
  }

  private Optional<BlockReader> openBase(DiskPlan plan) throws UnreadableBaseException {
    if (!plan.compares() || plan.base().isEmpty()) {
      return Optional.empty();
    }
    try {
      Qcow2Reader chain = Qcow2Reader.open(folder.image(plan.base().get().image()), BLOCKS);
      return Optional.of(new RetoldReader(chain, UnreadableBaseException::new));
    } catch (IOException e) {
      throw new UnreadableBaseException(e);
    }
  }

  private ChecksumLog openChecksums(Optional<WriterState> resume) throws IOException {
    Path file = folder.partialChecksums(request.id());
    return resume.isEmpty()
        ? ChecksumLog.create(file, request.checksum())
        : ChecksumLog.resume(
            file, request.checksum(), resume.get().checksumBytes(), resume.get().hostOffset());
  }

  private Qcow2Writer openImage(Optional<WriterState> resume, ChecksumLog checksums)
      throws IOException {
    Qcow2Spec spec =
        new Qcow2Spec(
            request.plan().clusters().sizeBytes(),
            request.plan().base().map(base -> DiskFolder.imageName(base.image())),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            request.compression(),
            request.compressionLevel());
    if (resume.isPresent()) {
      return Qcow2Writer.resume(
          folder.partial(request.id()), spec, resume.get(), Optional.of(checksums));
    }
    return Qcow2Writer.create(folder.partial(request.id()), spec, Optional.of(checksums));
  }

  /** Whether {@code open} can go on from a state: its image and checksums are still there. */
  public static boolean canResume(DiskFolder folder, DiskBackupId id) {
    return Files.exists(folder.partial(id)) && Files.exists(folder.partialChecksums(id));
  }

  /** The next item to put; empty when only sealing is left. */
  public Optional<CopyItem.Blocks> next() {
    if (copy == null) {
      return Optional.empty();
    }
    int most = pace.blocks(System.nanoTime());
    int count = 0;
    while (count < most && !copy.plan().next().isEmpty()) {
      count++;
    }
    return count == 0 ? Optional.empty() : Optional.of(new CopyItem.Blocks(count));
  }

  /**
   * Copies the blocks of an item. Returns before the last ones are on disk.
   *
   * @throws UnreadableBaseException when the chain that it is compared with cannot be read
   * @throws IOException when the disk cannot be read, or the image cannot be written, now or by an
   *     earlier call
   */
  public void put(CopyItem.Blocks item) throws IOException {
    Copy opened = openedCopy();
    for (int i = 0; i < item.count(); i++) {
      Clusters clusters = opened.ahead().next().orElseThrow();
      long length = clusters.data().map(Block::lengthBytes).orElse(0L);
      bytesRead += length;
      opened.fill().put(clusters);
      progressBytes += length;
      pace.copied();
    }
  }

  /** Begins to force what was put so far, unless it has just done so; returns at once. */
  public void checkpoint() throws IOException {
    long now = System.nanoTime();
    if (now - checkpointAt >= CHECKPOINT_PERIOD.toNanos()) {
      checkpointAt = now;
      openedCopy().image().beginCheckpoint();
    }
  }

  /** The newest state that is forced to disk: what a later {@code open} may resume from. */
  public Optional<WriterState> durable() throws IOException {
    return copy == null ? Optional.empty() : copy.image().durable();
  }

  /**
   * Finishes the image, forces it and publishes it with its manifest.
   *
   * @param fence called when the image is finished and before it is published; throws when this
   *     process may not publish any more
   */
  public DiskManifest seal(Instant now, Fence fence) throws IOException {
    if (published != null) {
      fence.check();
      folder.publish(request.id(), published);
      return published;
    }
    Qcow2Writer image = openedCopy().image();
    long imageBytes = image.finish();
    String sha256 = ChecksumFile.sha256(folder.partialChecksums(request.id()));
    DiskManifest manifest = manifest(imageBytes, image.bytesData(), sha256, now);
    fence.check();
    folder.publish(request.id(), manifest);
    return manifest;
  }

  /** Says whether this process still owns the backup. */
  @FunctionalInterface
  public interface Fence {
    /**
     * @throws IOException when another process has taken the backup over
     */
    void check() throws IOException;
  }

  private DiskManifest manifest(
      long imageBytes, long dataBytes, String checksumsSha256, Instant now) {
    DiskPlan plan = request.plan();
    return new DiskManifest(
        Repository.FORMAT,
        request.id().value(),
        request.backup().value(),
        request.repository().value(),
        request.vm().value(),
        request.vmName(),
        request.diskId(),
        request.diskKey().value(),
        plan.clusters().sizeBytes(),
        plan.level().word(),
        plan.reason().name(),
        plan.cause().isEmpty() ? null : plan.cause(),
        request.changeId().map(ChangeId::value).orElse(null),
        plan.previousChangeId().map(ChangeId::value).orElse(null),
        plan.base().map(base -> base.image().value()).orElse(null),
        plan.chainLength(),
        DiskFolder.imageName(request.id()),
        imageBytes,
        dataBytes,
        DiskFolder.checksumsName(request.id()),
        checksumsSha256,
        request.checksum().word(),
        request.snapshotTakenAt().toString(),
        now.toString(),
        null,
        null);
  }

  private Copy openedCopy() {
    if (copy == null) {
      throw new IllegalStateException(request.id() + " is closed, or was finished before");
    }
    return copy;
  }

  /** Bytes of the plan's data that were put, for progress; any thread may ask. */
  public long progressBytes() {
    return progressBytes;
  }

  /** Bytes read from the source by this object. */
  public long bytesRead() {
    return bytesRead;
  }

  /** Lets disk and image go. What was not sealed stays as a partial image. */
  @Override
  public void close() throws IOException {
    if (copy != null) {
      copy.close();
      copy = null;
    }
  }
}
