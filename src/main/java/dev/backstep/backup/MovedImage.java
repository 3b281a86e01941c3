package dev.backstep.backup;

import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.DirectFile;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.Qcow2Header;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.repository.DiskFolder;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * An image that another program fills: what it gets from us, and what it must be when it comes
 * back. Immutable, thread-safe.
 *
 * @param sizeBytes the disk's size
 * @param base the image that it stands on; empty for a standalone one
 */
public record MovedImage(long sizeBytes, Optional<DiskBackupId> base) {

  private static final int SECTOR_BYTES = 512;
  private static final int CHECKSUM_BYTES = 1 << 20;
  private static final Duration CHECK_MAX = Duration.ofHours(2);
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** How `qemu-img check` ends when nothing is wrong but space that nobody uses. */
  private static final int LEAKS = 3;

  /**
   * A filled image, found to be right.
   *
   * @param imageBytes length of its file
   * @param dataBytes guest bytes stored in it
   * @param checksumsSha256 of the file of its checksums
   */
  public record Checked(long imageBytes, long dataBytes, String checksumsSha256) {}

  /**
   * @throws IllegalArgumentException when no image of ours can hold a disk of this size
   */
  public MovedImage {
    spec(sizeBytes, base);
  }

  private static Qcow2Spec spec(long sizeBytes, Optional<DiskBackupId> base) {
    return new Qcow2Spec(
        sizeBytes,
        base.map(DiskFolder::imageName),
        Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
        Compression.NONE,
        0);
  }

  /** Makes the image without any data, over what is left of an earlier try. */
  public void create(Path image) throws IOException {
    try (Qcow2Writer writer = Qcow2Writer.create(image, spec(sizeBytes, base))) {
      writer.finish();
    }
  }

  /**
   * Checks a filled image, forces it to disk and takes its checksums. Nobody may write to it any
   * more.
   *
   * @param checksums the file to keep them in
   * @param kind how they are taken
   * @throws WrongImageException when it is damaged, or not the image that was handed out
   * @throws UnforcedImageException when it cannot be forced: it must not be checked again, but
   *     filled anew
   * @throws SourceException {@code LOCKED} when a program has it open for writing
   */
  public Checked check(Path image, Path checksums, ChecksumKind kind) throws IOException {
    if (!Files.isRegularFile(image, LinkOption.NOFOLLOW_LINKS)) {
      throw new WrongImageException(image, "there is no such file any more; copy the disk again");
    }
    Qcow2Header header = checkHeader(image);
    JsonNode found = checkTables(image);
    force(image);
    try (DirectFile file = DirectFile.open(image)) {
      long clusters = found.path("allocated-clusters").asLong(0);
      takeChecksums(file, checksums, kind);
      return new Checked(
          file.sizeBytes(), clusters * header.clusterBytes(), ChecksumFile.sha256(checksums));
    }
  }

  /**
   * Forces an image to disk that nobody writes to any more.
   *
   * @throws UnforcedImageException when that fails: no later force proves anything of it
   */
  public static void force(Path image) throws IOException {
    try (DirectFile file = DirectFile.open(image)) {
      try {
        file.force();
      } catch (IOException e) {
        throw new UnforcedImageException(e);
      }
    }
  }

  /** Another program has written it: all that can be said is what its file holds now. */
  private static void takeChecksums(DirectFile file, Path checksums, ChecksumKind kind)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(CHECKSUM_BYTES);
    long size = file.sizeBytes();
    try (ChecksumLog log = ChecksumLog.create(checksums, kind)) {
      for (long at = 0; at < size; at += CHECKSUM_BYTES) {
        file.read(bytes.clear().limit((int) Math.min(CHECKSUM_BYTES, size - at)), at);
        log.record(at, bytes.flip());
      }
      log.force();
    }
  }

  private Qcow2Header checkHeader(Path image) throws IOException {
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      Qcow2Header header = reader.header();
      long roundedBytes = Math.ceilDiv(sizeBytes, SECTOR_BYTES) * SECTOR_BYTES;
      expect(image, "virtual size", header.virtualSize(), roundedBytes);
      expect(image, "backing file", header.backingFile(), base.map(DiskFolder::imageName));
      expect(image, "backing format", header.backingFormat(), base.map(id -> "qcow2"));
      return header;
    } catch (Qcow2FormatException e) {
      throw new WrongImageException(e);
    }
  }

  private static void expect(Path image, String what, Object found, Object expected)
      throws WrongImageException {
    if (!found.equals(expected)) {
      throw new WrongImageException(
          image,
          what
              + " "
              + found
              + ", expected "
              + expected
              + "; it is not the image that was handed out to be filled");
    }
  }

  private static JsonNode checkTables(Path image) throws IOException {
    ToolRunner.Result result = qemuImg(image, List.of());
    if (result.status() == LEAKS) {
      // A qemu-nbd that was killed leaves clusters that it had taken and not entered yet.
      result = qemuImg(image, List.of("-r", "leaks"));
    }
    if (result.errors().contains("Failed to get") && result.errors().contains("lock")) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          image + ": another program has it open for writing; end that one and call again");
    }
    if (result.failed()) {
      throw new WrongImageException(
          image,
          "qemu-img check found it damaged; copy the disk again: "
              + (result.errors().isEmpty() ? result.output() : result.errors()));
    }
    try {
      return JSON.readTree(result.output());
    } catch (JacksonException e) {
      throw new WrongImageException(image, "qemu-img check gave no JSON: " + e.getMessage());
    }
  }

  private static ToolRunner.Result qemuImg(Path image, List<String> options) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-img", "check", "--output=json"));
    command.addAll(options);
    command.addAll(List.of("-f", "qcow2", image.toAbsolutePath().toString()));
    return ToolRunner.run(CHECK_MAX, command);
  }
}
