package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
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
import java.util.stream.IntStream;

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
  private final ChecksumKind kind;

  /** One behind the other. */
  private final byte[] sums;

  /** Those found right. */
  private final BitSet right = new BitSet();

  private CheckedRanges(Path path, FileChannel file, ChecksumKind kind, int count) {
    this.path = path;
    this.file = file;
    this.kind = kind;
    this.offsets = new long[count];
    this.lengths = new int[count];
    this.sums = new byte[Math.multiplyExact(count, kind.lengthBytes())];
  }

  static CheckedRanges of(Path path, FileChannel file, Path checksums) throws IOException {
    CheckedRanges written;
    int count = 0;
    try (ChecksumFile entries = ChecksumFile.open(checksums)) {
      int most = Math.toIntExact(entries.left());
      written = new CheckedRanges(path, file, entries.kind(), most);
      for (Optional<Checksum> next = entries.next(); next.isPresent(); next = entries.next()) {
        written.set(count, next.get().offset(), next.get().lengthBytes());
        next.get().sum().putInto(written.sums(count));
        count++;
      }
    }
    return written.sorted(count);
  }

  /** The first so many by place. */
  private CheckedRanges sorted(int count) {
    CheckedRanges sorted = new CheckedRanges(path, file, kind, count);
    int[] order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingLong(i -> offsets[i]))
            .mapToInt(i -> i)
            .toArray();
    for (int i = 0; i < count; i++) {
      sorted.set(i, offsets[order[i]], lengths[order[i]]);
      sorted.sums(i).put(sums(order[i]));
    }
    return sorted;
  }

  private void set(int index, long offset, int lengthBytes) {
    offsets[index] = offset;
    lengths[index] = lengthBytes;
  }

  private ByteBuffer sums(int index) {
    return ByteBuffer.wrap(sums, index * kind.lengthBytes(), kind.lengthBytes());
  }

  private Sum sum(int index) {
    byte[] value = new byte[kind.lengthBytes()];
    sums(index).get(value);
    return new Sum(kind, value);
  }

  /**
   * Compares what touches a range.
   *
   * @throws IOException when it is not what was written
   */
  void check(long offset, long length) throws IOException {
    for (int i = first(offset); i < offsets.length && offsets[i] < offset + length; i++) {
      if (!isRight(i)) {
        require(i, sum(kind, offsets[i], lengths[i]));
      }
    }
  }

  /**
   * The checksums of a range, which is compared where they cannot be taken over whole.
   *
   * @param wanted their kind; where the file's own is another one, all is read
   * @return ascending, without gaps
   */
  List<Checksum> checksums(long offset, long length, ChecksumKind wanted) throws IOException {
    List<Checksum> found = new ArrayList<>();
    long at = offset;
    for (int i = first(offset); i < offsets.length && at < offset + length; i++) {
      if (offsets[i] >= offset + length) {
        break;
      }
      if (offsets[i] > at) {
        found.add(taken(at, offsets[i] - at, wanted));
        at = offsets[i];
      }
      long end = Math.min(offset + length, offsets[i] + lengths[i]);
      if (wanted == kind && at == offsets[i] && end == offsets[i] + lengths[i]) {
        found.add(new Checksum(at, lengths[i], sum(i)));
      } else {
        check(at, end - at);
        found.add(taken(at, end - at, wanted));
      }
      at = end;
    }
    if (at < offset + length) {
      found.add(taken(at, offset + length - at, wanted));
    }
    return found;
  }

  private Checksum taken(long offset, long length, ChecksumKind wanted) throws IOException {
    return new Checksum(offset, Math.toIntExact(length), sum(wanted, offset, length));
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

  private void require(int index, Sum found) throws IOException {
    if (!found.equals(sum(index))) {
      throw new IOException(
          path
              + " at byte "
              + offsets[index]
              + ": "
              + lengths[index]
              + " bytes have "
              + found
              + ", expected "
              + sum(index)
              + ", as they were written; verify the restore points that need this image");
    }
    synchronized (right) {
      right.set(index);
    }
  }

  private Sum sum(ChecksumKind wanted, long offset, long length) throws IOException {
    Digest digest = Digest.of(wanted);
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
      digest.update(bytes);
    }
    return digest.sum();
  }
}
