package dev.backstep.blockio;

import dev.backstep.domain.Sha256;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The checksums of a file, one after another. Big-endian: {@code BSTSUM1} and a zero byte, then
 * entries of offset (8 bytes), length (4 bytes) and CRC-32C (4 bytes), blank where the length is 0.
 * Bytes that no entry names carry nothing. For one thread; the caller closes it.
 */
public final class ChecksumFile implements Closeable {

  static final byte[] MAGIC = "BSTSUM1\0".getBytes(StandardCharsets.US_ASCII);
  static final int ENTRY_BYTES = 16;

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path path;
  private final DataInputStream entries;
  private long left;

  private ChecksumFile(Path path, DataInputStream entries, long left) {
    this.path = path;
    this.entries = entries;
    this.left = left;
  }

  /**
   * @throws IOException when it is missing or no file of checksums
   */
  public static ChecksumFile open(Path path) throws IOException {
    long size = Files.size(path);
    DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(path), BUFFER_BYTES));
    try {
      byte[] magic = in.readNBytes(MAGIC.length);
      if (!Arrays.equals(magic, MAGIC) || (size - MAGIC.length) % ENTRY_BYTES != 0) {
        throw new IOException(path + ": no file of checksums, or one that was cut short");
      }
      return new ChecksumFile(path, in, (size - MAGIC.length) / ENTRY_BYTES);
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /**
   * The next one; empty behind the last. Blank ones are left out.
   *
   * @throws IOException when it cannot be read, or the entry makes no sense
   */
  public Optional<Checksum> next() throws IOException {
    while (left > 0) {
      left--;
      try {
        long offset = entries.readLong();
        int length = entries.readInt();
        int crc = entries.readInt();
        if (length != 0) {
          return Optional.of(new Checksum(offset, length, crc));
        }
      } catch (EOFException | IllegalArgumentException e) {
        throw new IOException(path + ": " + left + " entries before its end: " + e.getMessage(), e);
      }
    }
    return Optional.empty();
  }

  /**
   * Leaves some out, as if they had been taken by {@link #next}.
   *
   * @throws IOException when there are fewer
   */
  public void skip(long count) throws IOException {
    for (long i = 0; i < count; i++) {
      if (next().isEmpty()) {
        throw new EOFException(path + ": " + i + " checksums, expected at least " + count);
      }
    }
  }

  /** SHA-256 of a file, in hex digits. */
  public static String sha256(Path path) throws IOException {
    try (InputStream file = Files.newInputStream(path)) {
      MessageDigest digest = Sha256.digest();
      new DigestInputStream(file, digest).transferTo(java.io.OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(digest.digest());
    }
  }

  @Override
  public void close() throws IOException {
    entries.close();
  }
}
