package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Sha256;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The checksums of a file, one after another. Big-endian: a {@link ChecksumHeader}, then entries of
 * offset (8 bytes), length (4 bytes) and checksum, blank where the length is 0. Bytes that no entry
 * names carry nothing. For one thread; the caller closes it.
 */
public final class ChecksumFile implements Closeable {

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path path;
  private final ChecksumKind kind;
  private final DataInputStream entries;
  private long left;

  private ChecksumFile(Path path, ChecksumKind kind, DataInputStream entries, long left) {
    this.path = path;
    this.kind = kind;
    this.entries = entries;
    this.left = left;
  }

  /**
   * @throws NewerChecksumsException when only a newer release can read it
   * @throws IOException when it is missing or no file of checksums
   */
  public static ChecksumFile open(Path path) throws IOException {
    long size = Files.size(path);
    DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(path), BUFFER_BYTES));
    try {
      ChecksumKind kind = ChecksumHeader.read(path, in);
      if (!ChecksumHeader.fits(kind, size)) {
        throw ChecksumHeader.none(path);
      }
      long entries = (size - ChecksumHeader.lengthBytes(kind)) / ChecksumHeader.entryBytes(kind);
      return new ChecksumFile(path, kind, in, entries);
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  /**
   * The kind of the checksums in a file.
   *
   * @throws IOException as {@link #open}
   */
  public static ChecksumKind kind(Path path) throws IOException {
    try (ChecksumFile file = open(path)) {
      return file.kind;
    }
  }

  ChecksumKind kind() {
    return kind;
  }

  /** How many are left, blank ones among them. */
  long left() {
    return left;
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
        byte[] sum = new byte[kind.lengthBytes()];
        entries.readFully(sum);
        if (length != 0) {
          return Optional.of(new Checksum(offset, length, new Sum(kind, sum)));
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
