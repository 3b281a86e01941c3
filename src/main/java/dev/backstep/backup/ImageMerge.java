package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.BlockSharing;
import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.CheckResult;
import dev.backstep.qcow2.Qcow2Checker;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Reader.Content;
import dev.backstep.qcow2.Qcow2Reader.Piece;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes an image anew that stands on fewer others and shows the same, in a way that can stop after
 * any part and go on in another process. What is read is compared with its checksums, so that no
 * damage gets good ones; data is shared with the old images where the file system can. The old
 * image stays until {@link #finish}'s result is given to {@link DiskFolder#replace}. For one
 * thread.
 */
public final class ImageMerge implements Closeable {

  /** Blocks read ahead, and those that the writers hold. */
  private static final int AHEAD = 8;

  private static final int BLOCKS = AHEAD + 16;

  /** How much may be lost by a kill. */
  private static final Duration CHECKPOINT_PERIOD = Duration.ofSeconds(1);

  private final Request request;
  private final DiskLock lock;
  private final Qcow2Reader chain;

  /** How many images, from the top, become one. */
  private final int merged;

  private final ClusterMap clusters;
  private final ChecksumKind checksum;
  private final ChecksumLog checksums;
  private final Qcow2Writer image;
  private final BlockPlan plan;
  private @Nullable BlockSharing sharing;
  private @Nullable ReadAhead ahead;
  private @Nullable MergeProof proof;
  private long checkpointAt = System.nanoTime();
  private long bytesDone;

  /**
   * @param base what the image shall stand on, one of those under it; empty for nothing
   * @param compression of data that has to be written
   */
  public record Request(
      DiskFolder folder,
      DiskBackupId image,
      Optional<DiskBackupId> base,
      Compression compression,
      int compressionLevel) {}

  private ImageMerge(
      Request request,
      DiskLock lock,
      Qcow2Reader chain,
      int merged,
      ClusterMap clusters,
      ChecksumKind checksum,
      ChecksumLog checksums,
      Qcow2Writer image,
      long from)
      throws IOException {
    this.request = request;
    this.lock = lock;
    this.chain = chain;
    this.merged = merged;
    this.clusters = clusters;
    this.checksum = checksum;
    this.checksums = checksums;
    this.image = image;
    this.plan = new BlockPlan(clusters, from);
    this.bytesDone = clusters.dataBytesBefore(from);
    if (request.compression() == Compression.NONE) {
      this.sharing = BlockSharing.into(request.folder().merging(request.image()));
    } else {
      this.ahead = new ReadAhead(chain, Optional.empty(), plan, AHEAD);
    }
  }

  /**
   * Begins to merge, or goes on.
   *
   * @param resume the last state remembered of the same request; empty to begin anew
   * @throws dev.backstep.blockio.DiskInUseException when another process merges it
   * @throws IllegalArgumentException when the image does not stand on that base
   * @throws java.io.EOFException when the checksums are shorter than they were: begin anew
   * @throws IOException when the chain cannot be read, or the image not be written
   */
  public static ImageMerge open(Request request, Optional<WriterState> resume) throws IOException {
    DiskLock lock = DiskLock.ofNew(request.folder().merging(request.image()));
    try {
      DiskFolder folder = request.folder();
      ChainChecksums sums = new ChainChecksums(folder);
      Qcow2Reader chain = Qcow2Reader.open(folder.image(request.image()), BLOCKS, sums::open);
      try {
        return open(request, lock, chain, resume);
      } catch (IOException | RuntimeException e) {
        chain.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private static int merged(Request request, Qcow2Reader chain) {
    int merged =
        request.base().isEmpty()
            ? chain.chain().size()
            : chain.chain().stream()
                .map(path -> String.valueOf(path.getFileName()))
                .toList()
                .indexOf(DiskFolder.imageName(request.base().get()));
    if (merged < 1) {
      throw new IllegalArgumentException(
          request.image() + " does not stand on " + request.base().orElse(request.image()));
    }
    return merged;
  }

  /** What the images that become one say of the disk. */
  private static ClusterMap clusters(Qcow2Reader chain, int merged, Optional<DiskBackupId> base)
      throws IOException {
    ClusterMap clusters = new ClusterMap(chain.sizeBytes());
    long at = 0;
    while (at < chain.sizeBytes()) {
      Piece piece = chain.piece(at, chain.sizeBytes() - at, merged);
      switch (piece.content()) {
        case PLAIN, COMPRESSED -> clusters.extent(at, piece.length(), ExtentKind.DATA);
        case ZERO -> clusters.extent(at, piece.length(), ExtentKind.ZERO);
        case NOTHING -> {}
      }
      at += piece.length();
    }
    if (base.isEmpty()) {
      clusters.dropZeros();
    }
    return clusters;
  }

  private static ImageMerge open(
      Request request, DiskLock lock, Qcow2Reader chain, Optional<WriterState> resume)
      throws IOException {
    int merged = merged(request, chain);
    ClusterMap clusters = clusters(chain, merged, request.base());
    ChecksumKind checksum =
        new ChainChecksums(request.folder()).strongest(chain.chain().subList(0, merged));
    Path sums = request.folder().mergingChecksums(request.image());
    ChecksumLog checksums =
        resume.isEmpty()
            ? ChecksumLog.create(sums, checksum)
            : ChecksumLog.resume(
                sums, checksum, resume.get().checksumBytes(), resume.get().hostOffset());
    try {
      Qcow2Writer image = writer(request, chain.sizeBytes(), resume, checksums);
      try {
        long from = resume.map(WriterState::guestOffset).orElse(0L);
        return new ImageMerge(
            request, lock, chain, merged, clusters, checksum, checksums, image, from);
      } catch (IOException | RuntimeException e) {
        image.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      checksums.close();
      throw e;
    }
  }

  private static Qcow2Writer writer(
      Request request, long sizeBytes, Optional<WriterState> resume, ChecksumLog checksums)
      throws IOException {
    Qcow2Spec spec =
        new Qcow2Spec(
            sizeBytes,
            request.base().map(DiskFolder::imageName),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            request.compression(),
            request.compressionLevel());
    Path file = request.folder().merging(request.image());
    return resume.isPresent()
        ? Qcow2Writer.resume(file, spec, resume.get(), Optional.of(checksums))
        : Qcow2Writer.create(file, spec, Optional.of(checksums));
  }

  /** Whether {@link #open} can go on from a state: what was written is still there. */
  public static boolean canResume(DiskFolder folder, DiskBackupId image) {
    return Files.exists(folder.merging(image)) && Files.exists(folder.mergingChecksums(image));
  }

  /**
   * Stores some more.
   *
   * @return whether there was any
   * @throws IOException when it cannot be read, is not what was written once, or cannot be written
   */
  public boolean put() throws IOException {
    boolean any = ahead == null ? share() : copy(ahead);
    if (any && System.nanoTime() - checkpointAt >= CHECKPOINT_PERIOD.toNanos()) {
      checkpointAt = System.nanoTime();
      image.beginCheckpoint();
    }
    return any;
  }

  private boolean copy(ReadAhead blocks) throws IOException {
    Optional<Clusters> next = blocks.next();
    if (next.isPresent()) {
      bytesDone += next.get().data().map(Block::lengthBytes).orElse(0L);
      new ImageFill(image).put(next.get());
    }
    return next.isPresent();
  }

  private boolean share() throws IOException {
    List<ClusterMap.Run> runs = plan.next();
    for (ClusterMap.Run run : runs) {
      if (run.kind() == ExtentKind.ZERO) {
        image.writeZeros(run.range());
      } else {
        long end = share(run.range());
        bytesDone += end - run.range().offset();
        if (sharing == null) {
          ahead = new ReadAhead(chain, Optional.empty(), new BlockPlan(clusters, end), AHEAD);
          return true;
        }
      }
    }
    return !runs.isEmpty();
  }

  /** Returns how far it came: to the range's end, or to where it turned out to be impossible. */
  private long share(ByteRange range) throws IOException {
    long at = range.offset();
    while (at < range.end()) {
      Piece piece = chain.piece(at, range.end() - at, merged);
      long whole = piece.length() / ClusterMap.CLUSTER_BYTES * ClusterMap.CLUSTER_BYTES;
      if (whole > 0 && isShareable(piece)) {
        at +=
            image.share(
                new ByteRange(at, whole),
                (from, length, host) -> sharing(piece, from, length, host));
        if (sharing == null) {
          return at;
        }
      } else {
        // To the end of the cluster that this piece ends in: a cluster is stored whole.
        long end = Math.ceilDiv(at + piece.length(), ClusterMap.CLUSTER_BYTES);
        at = write(at, Math.min(range.end(), end * ClusterMap.CLUSTER_BYTES));
      }
    }
    return at;
  }

  private static boolean isShareable(Piece piece) {
    return piece.content() == Content.PLAIN
        && piece.whole()
        && piece.host() % BlockSharing.ALIGNMENT_BYTES == 0
        && piece.open().hasChecksums();
  }

  private List<Checksum> sharing(Piece piece, long from, long length, long host)
      throws IOException {
    BlockSharing open = Objects.requireNonNull(sharing);
    long source = piece.host() + from;
    if (!open.share(piece.file(), source, length, host)) {
      open.close(); // this file system cannot: all that follows is read and written
      sharing = null;
      return List.of();
    }
    List<Checksum> taken = new ArrayList<>();
    for (Checksum one : piece.open().checksums(source, length, checksum)) {
      taken.add(new Checksum(one.offset() - source + host, one.lengthBytes(), one.sum()));
    }
    return taken;
  }

  private long write(long from, long end) throws IOException {
    long at = from;
    while (at < end) {
      long length = Math.min(end - at, BlockReader.BLOCK_BYTES_MAX);
      image.write(ReadAhead.await(chain.read(List.of(new ByteRange(at, length)))));
      at += length;
    }
    return at;
  }

  /** Forces what is stored so far, and waits for it. As {@link #durable}. */
  Optional<WriterState> checkpoint() throws IOException {
    image.beginCheckpoint();
    image.awaitCheckpoint();
    return durable();
  }

  /** The newest state that is forced to disk: what a later {@code open} may resume from. */
  public Optional<WriterState> durable() {
    return image.durable();
  }

  /** Data bytes of the merged image; about so much is to be stored. */
  public long bytesTotal() {
    return clusters.dataBytes();
  }

  /** Data bytes stored so far. */
  public long bytesDone() {
    return bytesDone;
  }

  /**
   * Finishes the image, forces it and checks its structure.
   *
   * @return what {@link DiskFolder#replace} wants to know of it
   */
  public DiskManifest.Replacement finish(Instant now) throws IOException {
    long imageBytes = image.finish();
    Path file = request.folder().merging(request.image());
    CheckResult check = Qcow2Checker.check(file);
    if (!check.findings().isEmpty()) {
      throw new IOException(
          file + ": the merged image is not right, nothing was replaced: " + check.findings());
    }
    return new DiskManifest.Replacement(
        request.base().map(DiskBackupId::value).orElse(null),
        chain.chain().size() - merged + 1,
        imageBytes,
        image.bytesData(),
        ChecksumFile.sha256(request.folder().mergingChecksums(request.image())),
        checksum.word(),
        now.toString());
  }

  /**
   * Reads some of the finished image again and compares it with its checksums.
   *
   * @param bytes about so many
   * @return whether there is more
   * @throws IOException when it does not hold what was written to it
   */
  public boolean prove(long bytes) throws IOException {
    if (proof == null) {
      Path checksums = request.folder().mergingChecksums(request.image());
      proof = MergeProof.open(request.folder().merging(request.image()), checksums);
    }
    return proof.check(bytes);
  }

  /** Lets all files go; what was not finished stays, to be gone on with. */
  @Override
  public void close() throws IOException {
    if (ahead != null) {
      ahead.close();
    }
    if (sharing != null) {
      sharing.close();
    }
    if (proof != null) {
      proof.close();
    }
    try (lock;
        chain;
        checksums) {
      image.close();
    }
  }
}
