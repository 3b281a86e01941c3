package dev.backstep.backup;

import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.CheckResult;
import dev.backstep.qcow2.Qcow2Checker;
import dev.backstep.qcow2.Qcow2Clone;
import dev.backstep.qcow2.Qcow2Reader;
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
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes an image anew that stands on fewer others and shows the same. It begins as a clone of the
 * lowest of them where the file system shares blocks, and is copied otherwise; whoever stops it
 * after any part can go on, or begin anew, in another process. No damage gets good checksums: what
 * is read is compared, and what is not keeps those that it has. The old image stays until {@link
 * #finish}'s result is given to {@link DiskFolder#replace}. For one thread.
 */
public final class ImageMerge implements Closeable {

  /** Blocks in memory: those read ahead, and those that the writers hold. */
  private static final int BLOCKS = 24;

  private final Request request;
  private final DiskLock lock;
  private final Qcow2Reader chain;

  /** How many images, from the top, become one. */
  private final int merged;

  private final ChecksumLog checksums;
  private final MergedFile file;
  private @Nullable MergeProof proof;

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
      ChecksumLog checksums,
      MergedFile file) {
    this.request = request;
    this.lock = lock;
    this.chain = chain;
    this.merged = merged;
    this.checksums = checksums;
    this.file = file;
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

  /** What so many images, from the top, say of the disk. */
  private static ClusterMap clusters(Qcow2Reader chain, int images) throws IOException {
    ClusterMap clusters = new ClusterMap(chain.sizeBytes());
    long at = images == 0 ? chain.sizeBytes() : 0;
    while (at < chain.sizeBytes()) {
      Piece piece = chain.piece(at, chain.sizeBytes() - at, images);
      switch (piece.content()) {
        case PLAIN, COMPRESSED -> clusters.extent(at, piece.length(), ExtentKind.DATA);
        case ZERO -> clusters.extent(at, piece.length(), ExtentKind.ZERO);
        case NOTHING -> {}
      }
      at += piece.length();
    }
    return clusters;
  }

  private static ImageMerge open(
      Request request, DiskLock lock, Qcow2Reader chain, Optional<WriterState> resume)
      throws IOException {
    int merged = merged(request, chain);
    ChecksumKind kind =
        new ChainChecksums(request.folder()).strongest(chain.chain().subList(0, merged));
    Path sums = request.folder().mergingChecksums(request.image());
    ChecksumLog checksums =
        resume.isEmpty()
            ? ChecksumLog.create(sums, kind)
            : ChecksumLog.resume(
                sums, kind, resume.get().checksumBytes(), resume.get().hostOffset());
    try {
      MergedFile file = file(request, chain, merged, resume, checksums);
      return new ImageMerge(request, lock, chain, merged, checksums, file);
    } catch (IOException | RuntimeException e) {
      checksums.close();
      throw e;
    }
  }

  private static MergedFile file(
      Request request,
      Qcow2Reader chain,
      int merged,
      Optional<WriterState> resume,
      ChecksumLog checksums)
      throws IOException {
    Qcow2Spec spec =
        new Qcow2Spec(
            chain.sizeBytes(),
            request.base().map(DiskFolder::imageName),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            request.compression(),
            request.compressionLevel());
    Path path = request.folder().merging(request.image());
    if (resume.isEmpty() && request.compression() == Compression.NONE) {
      ClusterMap above = clusters(chain, merged - 1);
      Optional<Qcow2Clone> clone = Qcow2Clone.create(path, spec, chain, merged, checksums);
      if (clone.isPresent()) {
        return new MergeClone(chain, merged - 1, above, clone.get());
      }
    }
    ClusterMap clusters = clusters(chain, merged);
    if (request.base().isEmpty()) {
      clusters.dropZeros();
    }
    Qcow2Writer image =
        resume.isPresent()
            ? Qcow2Writer.resume(path, spec, resume.get(), Optional.of(checksums))
            : Qcow2Writer.create(path, spec, Optional.of(checksums));
    return new MergeCopy(chain, clusters, image, resume.map(WriterState::guestOffset).orElse(0L));
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
    return file.put();
  }

  /** Forces what is stored so far, and waits for it. As {@link #durable}. */
  Optional<WriterState> checkpoint() throws IOException {
    return file.checkpoint();
  }

  /**
   * The newest state that is forced to disk: what a later {@code open} may resume from. Empty
   * before the first, and where one does not go on but begins anew. Any thread may ask.
   */
  public Optional<WriterState> durable() {
    return file.durable();
  }

  /** About so many bytes are to be stored. */
  public long bytesTotal() {
    return file.bytesTotal();
  }

  /** Bytes stored so far. */
  public long bytesDone() {
    return file.bytesDone();
  }

  /**
   * Finishes the image, forces it and checks its structure.
   *
   * @return what {@link DiskFolder#replace} wants to know of it
   */
  public DiskManifest.Replacement finish(Instant now) throws IOException {
    long imageBytes = file.finish();
    Path path = request.folder().merging(request.image());
    CheckResult check = Qcow2Checker.check(path);
    if (!check.findings().isEmpty()) {
      throw new IOException(
          path + ": the merged image is not right, nothing was replaced: " + check.findings());
    }
    return new DiskManifest.Replacement(
        request.base().map(DiskBackupId::value).orElse(null),
        chain.chain().size() - merged + 1,
        imageBytes,
        file.bytesData(),
        ChecksumFile.sha256(request.folder().mergingChecksums(request.image())),
        checksums.kind().word(),
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

  /** Lets all files go; what was not finished stays, to be gone on with or begun anew. */
  @Override
  public void close() throws IOException {
    try (lock;
        chain;
        checksums;
        file) {
      if (proof != null) {
        proof.close();
      }
    }
  }
}
