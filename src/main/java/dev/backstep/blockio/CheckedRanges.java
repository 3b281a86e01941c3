package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.io.Closeable;
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

/**
 * A file's checksums, by place: each range is compared with its own once, before anything of it is
 * given away. Thread-safe; the caller closes it.
 */
final class CheckedRanges implements Closeable {

  private static final ThreadLocal<ByteBuffer> WINDOW =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BlockReader.BLOCK_BYTES_MAX));

  private final Path path;
  private final FileChannel file;
  private final FileChannel checksums;
  private final ChecksumKind kind;

  /** By place. The checksums themselves stay in their file: a disk may have millions. */
  private final long[] offsets;

  private final int[] lengths;

  /** Which entry of the checksums' file is each one's. */
  private final int[] entries;

  private int count;

  /** Those found right. */
  private final BitSet right = new BitSet();

  private CheckedRanges(
      Path path, FileChannel file, FileChannel checksums, ChecksumKind kind, int most) {
    this.path = path;
    this.file = file;
    this.checksums = checksums;
    this.kind = kind;
    this.offsets = new long[most];
    this.lengths = new int[most];
    this.entries = new int[most];
  }

  /** An entry that stands behind one whose range is farther on. */
  private record Late(long offset, int lengthBytes, int entry) {}

  static CheckedRanges of(Path path, FileChannel file, Path checksums) throws IOException {
    FileChannel channel = FileChannel.open(checksums);
    try (ChecksumFile written = ChecksumFile.open(checksums)) {
      int most = Math.toIntExact(written.left());
      CheckedRanges ranges = new CheckedRanges(path, file, channel, written.kind(), most);
      List<Late> late = new ArrayList<>();
      for (Optional<Checksum> next = written.next(); next.isPresent(); next = written.next()) {
        Checksum one = next.get();
        int entry = (int) (most - written.left() - 1);
        if (ranges.count == 0 || ranges.offsets[ranges.count - 1] <= one.offset()) {
          ranges.set(ranges.count++, one.offset(), one.lengthBytes(), entry);
        } else {
          late.add(new Late(one.offset(), one.lengthBytes(), entry));
        }
      }
      late.sort(Comparator.comparingLong(Late::offset));
      ranges.insert(late);
      return ranges;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Tables are written last and lie anywhere; all else is in order already. */
  private void insert(List<Late> late) {
    int from = count - 1;
    int to = count + late.size() - 1;
    count += late.size();
    for (Late one : late.reversed()) {
      while (from >= 0 && offsets[from] > one.offset()) {
        set(to, offsets[from], lengths[from], entries[from]);
        to--;
        from--;
      }
      set(to, one.offset(), one.lengthBytes(), one.entry());
      to--;
    }
  }

  private void set(int index, long offset, int lengthBytes, int entry) {
    offsets[index] = offset;
    lengths[index] = lengthBytes;
    entries[index] = entry;
  }

  ChecksumKind kind() {
    return kind;
  }

  /** How many ranges there are. They ascend, and are told apart by their index from here on. */
  int count() {
    return count;
  }

  long offset(int index) {
    return offsets[index];
  }

  long end(int index) {
    return offsets[index] + lengths[index];
  }

  /** The checksum of a range, as it is written. */
  Sum sum(int index) throws IOException {
    ByteBuffer sum = ByteBuffer.allocate(kind.lengthBytes());
    long at =
        ChecksumHeader.lengthBytes(kind)
            + (entries[index] + 1L) * ChecksumHeader.entryBytes(kind)
            - sum.capacity();
    while (sum.hasRemaining()) {
      if (checksums.read(sum, at + sum.position()) < 0) {
        throw new EOFException(path + ": its checksums were cut short while they were read");
      }
    }
    return new Sum(kind, sum.array());
  }

  /**
   * Compares what touches a range.
   *
   * @throws WrongChecksumException when it is not what was written
   * @throws IOException when it cannot be read
   */
  void check(long offset, long length) throws IOException {
    for (int i = first(offset); i < count && offsets[i] < offset + length; i++) {
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
    for (int i = first(offset); i < count && at < offset + length; i++) {
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
  int first(long offset) {
    int low = 0;
    int high = count;
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
    Sum expected = sum(index);
    if (!found.equals(expected)) {
      throw new WrongChecksumException(
          path,
          "at byte "
              + offsets[index]
              + ": "
              + lengths[index]
              + " bytes have "
              + found
              + ", expected "
              + expected
              + ", as they were written; verify the restore points that need this image");
    }
    synchronized (right) {
      right.set(index);
    }
  }

  /** The checksum of what the file has there now, right or not. */
  Sum sum(ChecksumKind wanted, long offset, long length) throws IOException {
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

  /** The file itself stays open. */
  @Override
  public void close() throws IOException {
    checksums.close();
  }
}
