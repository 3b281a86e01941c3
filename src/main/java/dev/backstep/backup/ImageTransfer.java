package dev.backstep.backup;

import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCopy;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Copies one image into the folder of the same disk in another repository, part by part. What was
 * forced at the end of a part is gone on behind by another process. For one thread, which closes
 * it.
 */
public final class ImageTransfer implements Closeable {

  private final DiskFolder source;
  private final DiskFolder target;
  private final DiskManifest manifest;
  private final DiskBackupId id;
  private final @Nullable ChecksumFile checksums;
  private final ChecksumCopy copy;

  /** Ranges done, or bytes where there are no checksums. */
  private long next;

  private long bytes;
  private boolean ended;

  private ImageTransfer(
      DiskFolder source,
      DiskFolder target,
      DiskManifest manifest,
      @Nullable ChecksumFile checksums,
      ChecksumCopy copy,
      long next,
      long bytes) {
    this.source = source;
    this.target = target;
    this.manifest = manifest;
    this.id = new DiskBackupId(manifest.diskBackupId());
    this.checksums = checksums;
    this.copy = copy;
    this.next = next;
    this.bytes = bytes;
  }

  /**
   * @param state what {@link #state} gave at the end of a part that was forced
   * @throws IOException when the source's image is not whole, or something cannot be opened
   */
  public static ImageTransfer open(
      DiskFolder source, DiskFolder target, DiskBackupId id, Optional<String> state)
      throws IOException {
    DiskManifest manifest = source.published(id);
    target.create();
    long next = 0;
    long bytes = 0;
    if (state.isPresent() && Files.exists(target.partial(id))) {
      String[] parts = state.get().split(" ");
      // An image that was merged meanwhile is another file of the same name.
      if (parts[0].equals(version(manifest))) {
        next = Long.parseLong(parts[1]);
        bytes = Long.parseLong(parts[2]);
      }
    }
    if (next == 0) {
      DurableFiles.delete(target.partial(id));
    }
    ChecksumFile checksums =
        manifest.checksumsSha256() == null ? null : checksums(source, manifest);
    try {
      if (checksums != null) {
        checksums.skip(next);
      }
      ChecksumCopy copy =
          ChecksumCopy.open(source.image(id), target.partial(id), manifest.imageBytes());
      if (!source.published(id).equals(manifest)) {
        copy.close();
        throw replaced(id);
      }
      return new ImageTransfer(source, target, manifest, checksums, copy, next, bytes);
    } catch (IOException | RuntimeException e) {
      if (checksums != null) {
        checksums.close();
      }
      throw e;
    }
  }

  private static ChecksumFile checksums(DiskFolder source, DiskManifest manifest)
      throws IOException {
    var file = source.currentChecksums(new DiskBackupId(manifest.diskBackupId()));
    String found = ChecksumFile.sha256(file);
    if (!found.equals(manifest.checksumsSha256())) {
      throw new IOException(
          file
              + ": SHA-256 "
              + found
              + ", expected "
              + manifest.checksumsSha256()
              + ", as the manifest says; the image is damaged: run `backstep verify`");
    }
    return ChecksumFile.open(file);
  }

  private static String version(DiskManifest manifest) {
    return manifest.checksumsSha256() == null
        ? "none-" + manifest.imageBytes()
        : manifest.checksumsSha256();
  }

  /**
   * Copies some more and forces it.
   *
   * @param wanted bytes, about so many
   */
  public void part(long wanted) throws IOException {
    long copied = checksums == null ? unchecked(wanted) : checked(checksums, wanted);
    ended = copied < wanted;
    bytes += copied;
    copy.force();
  }

  private long checked(ChecksumFile from, long wanted) throws IOException {
    List<Checksum> ranges = new ArrayList<>();
    long length = 0;
    Optional<Checksum> one = Optional.empty();
    while (length < wanted && (one = from.next()).isPresent()) {
      ranges.add(one.get());
      length += one.get().lengthBytes();
    }
    copy.copy(ranges);
    next += ranges.size();
    return length;
  }

  private long unchecked(long wanted) throws IOException {
    long length = Math.min(wanted, manifest.imageBytes() - next);
    copy.copyUnchecked(next, length);
    next += length;
    return length;
  }

  /** Whether nothing is left to copy. */
  public boolean isEnded() {
    return ended;
  }

  /** Where another process goes on after the last part. */
  public String state() {
    return version(manifest) + " " + next + " " + bytes;
  }

  /** How many of the image's bytes are copied. */
  public long bytes() {
    return bytes;
  }

  /**
   * Publishes the copy; durable when this returns.
   *
   * @throws IOException when the source's image has been replaced meanwhile: copy it anew
   */
  public void publish(RepositoryId repository) throws IOException {
    if (!ended) {
      throw new IllegalStateException(id + " is not copied to its end");
    }
    if (!version(source.published(id)).equals(version(manifest))) {
      throw replaced(id);
    }
    if (checksums != null) {
      String found = DurableFiles.copy(source.currentChecksums(id), target.partialChecksums(id));
      if (!found.equals(manifest.checksumsSha256())) {
        throw replaced(id);
      }
    }
    target.publish(id, manifest.copiedTo(repository));
  }

  private static IOException replaced(DiskBackupId id) {
    return new IOException(
        id + " was replaced, or its checksums were, while it was copied; relaunch the copy");
  }

  @Override
  public void close() throws IOException {
    try (copy) {
      if (checksums != null) {
        checksums.close();
      }
    }
  }
}
