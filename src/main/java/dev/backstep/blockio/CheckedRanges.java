package dev.backstep.blockio;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A file's checksums, by place: each range is compared with its own once, before anything of it is
 * given away. Thread-safe.
 */
final class CheckedRanges {

  private static final ThreadLocal<ByteBuffer> WINDOW =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BlockReader.BLOCK_BYTES_MAX));

  private final Path path;
  private final FileChannel file;
  private final long[] offsets;
  private final int[] lengths;
  private final int[] sums;

  /** Those found right. */
  private final BitSet right = new BitSet();

  private CheckedRanges(Path path, FileChannel file, List<Checksum> checksums) {
    this.path = path;
    this.file = file;
    this.offsets = checksums.stream().mapToLong(Checksum::offset).toArray();
    this.lengths = checksums.stream().mapToInt(Checksum::lengthBytes).toArray();
    this.sums = checksums.stream().mapToInt(Checksum::crc32c).toArray();
  }

  static CheckedRanges of(Path path, FileChannel file, Path checksums) throws IOException {
    List<Checksum> all = new ArrayList<>();
    try (ChecksumFile entries = ChecksumFile.open(checksums)) {
      Optional<Checksum> next = entries.next();
      while (next.isPresent()) {
        all.add(next.get());
        next = entries.next();
      }
    }
    all.sort(Comparator.comparingLong(Checksum::offset));
    return new CheckedRanges(path, file, all);
  }

  /**
   * Compares what touches a range.
   *
   * @throws IOException when it is not what was written
   */
  void check(long offset, long length) throws IOException {
    for (int i = first(offset); i < offsets.length && offsets[i] < offset + length; i++) {
      if (!isRight(i)) {
        require(i, crc(offsets[i], lengths[i]));
      }
    }
  }

  /**
   * The checksums of a range, which is compared where they cannot be taken over whole.
   *
   * @return ascending, without gaps
   */
  List<Checksum> checksums(long offset, long length) throws IOException {
    List<Checksum> found = new ArrayList<>();
    long at = offset;
    for (int i = first(offset); i < offsets.length && at < offset + length; i++) {
      if (offsets[i] >= offset + length) {
        break;
      }
      if (offsets[i] > at) {
        found.add(taken(at, offsets[i] - at));
        at = offsets[i];
      }
      long end = Math.min(offset + length, offsets[i] + lengths[i]);
      if (at == offsets[i] && end == offsets[i] + lengths[i]) {
        found.add(new Checksum(at, lengths[i], sums[i]));
      } else {
        check(at, end - at);
        found.add(taken(at, end - at));
      }
      at = end;
    }
    if (at < offset + length) {
      found.add(taken(at, offset + length - at));
    }
    return found;
  }

  private Checksum taken(long offset, long length) throws IOException {
    return new Checksum(offset, Math.toIntExact(length), crc(offset, length));
  }

  /** The first that ends behind a place. */
  private int first(long offset) {
    int low = 0;
    int high = offsets.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (offsets[middle] + lengths[middle] > offset) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private boolean isRight(int index) {
    synchronized (right) {
      return right.get(index);
    }
  }

  private void require(int index, int found) throws IOException {
    if (found != sums[index]) {
      throw new IOException(
          path
              + " at byte "
              + offsets[index]
              + ": "
              + lengths[index]
              + " bytes have "
              + ChecksumCheck.text(found)
              + ", expected "
              + ChecksumCheck.text(sums[index])
              + ", as they were written; verify the restore points that need this image");
    }
    synchronized (right) {
      right.set(index);
    }
  }

  private int crc(long offset, long length) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer bytes = WINDOW.get();
    long end = offset + length;
    long at = offset;
    while (at < end) {
      bytes.clear().limit((int) Math.min(bytes.capacity(), end - at));
      while (bytes.hasRemaining()) {
        if (file.read(bytes, at + bytes.position()) < 0) {
          throw new EOFException(path + ": ends before byte " + end + ", which was written");
        }
      }
      at += bytes.flip().remaining();
      crc.update(bytes);
    }
    return (int) crc.getValue();
  }
}
