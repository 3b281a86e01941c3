package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How a file of checksums begins.
 *
 * <pre>
 * offset  size  CRC-32C              another kind
 * 0       8     BSTSUM1 and a zero   BSTSUM2 and a zero
 * 8       8     -                    the kind's word in ASCII, zeros behind it
 * </pre>
 */
final class ChecksumHeader {

  private static final String FIRST = "BSTSUM1\0";
  private static final String SECOND = "BSTSUM2\0";
  private static final int PART_BYTES = 8;

  private ChecksumHeader() {}

  static byte[] of(ChecksumKind kind) {
    String text =
        kind == ChecksumKind.CRC32C
            ? FIRST
            : SECOND + kind.word() + "\0".repeat(PART_BYTES - kind.word().length());
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  static int lengthBytes(ChecksumKind kind) {
    return of(kind).length;
  }

  /** Offset, length, checksum. */
  static int entryBytes(ChecksumKind kind) {
    return Long.BYTES + Integer.BYTES + kind.lengthBytes();
  }

  /** Whether a file of that length can be one, as far as that goes. */
  static boolean fits(ChecksumKind kind, long fileBytes) {
    long entries = fileBytes - lengthBytes(kind);
    return entries >= 0 && entries % entryBytes(kind) == 0;
  }

  /**
   * @throws NewerChecksumsException when this release does not know the kind
   * @throws IOException when it is no file of checksums
   */
  static ChecksumKind read(Path path, InputStream in) throws IOException {
    String magic = text(path, in);
    if (magic.equals(FIRST)) {
      return ChecksumKind.CRC32C;
    }
    if (!magic.matches("BSTSUM[2-9]\0")) {
      throw none(path);
    }
    String word = text(path, in).replaceAll("\0+$", "");
    Optional<ChecksumKind> kind = magic.equals(SECOND) ? ChecksumKind.of(word) : Optional.empty();
    if (kind.isPresent() && kind.get() != ChecksumKind.CRC32C) {
      return kind.get();
    }
    if (!word.matches("[a-z][a-z0-9-]*")) {
      throw none(path);
    }
    throw new NewerChecksumsException(
        path
            + ": checksums of kind "
            + word
            + " in form "
            + magic.charAt(PART_BYTES - 2)
            + ", this release knows "
            + Stream.of(ChecksumKind.values())
                .map(ChecksumKind::word)
                .collect(Collectors.joining(", "))
            + " in forms 1 and 2; use the release that wrote it, or a newer one");
  }

  /** Whether a file begins as one of that kind does. */
  static boolean begins(ChecksumKind kind, InputStream in) throws IOException {
    return Arrays.equals(of(kind), in.readNBytes(lengthBytes(kind)));
  }

  private static String text(Path path, InputStream in) throws IOException {
    byte[] bytes = in.readNBytes(PART_BYTES);
    if (bytes.length < PART_BYTES) {
      throw none(path);
    }
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  static IOException none(Path path) {
    return new IOException(path + ": no file of checksums, or one that was cut short");
  }
}
