package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The checksums of a file that began as a clone of a range of another one and is changed in places.
 * Those of the other file are taken over. Where all of what one of them covers is replaced, it is
 * composed of those of the new parts. Where only a part is, a CRC-32C is computed from the old one,
 * from what was there and from what comes there, so that the rest need not be read: what was
 * damaged in the other file, replaced or not, does not fit its checksum here either. One that
 * cannot be computed is taken of the finished file, and all that it covers is compared first.
 *
 * <p>Memory: 12 bytes for each checksum of the other file, and those that are added. For one
 * thread.
 */
public final class ClonedChecksums {

  /** Of no bytes: composing begins with it. */
  private static final Sum NOTHING = Digest.of(ChecksumKind.CRC32C).sum();

  /** How much is read at a time for those that are taken anew. */
  private static final long TAKEN_BYTES = 128L << 20;

  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 16).asReadOnlyBuffer();

  private final CheckedRanges source;
  private final ChecksumKind kind;
  private final long begin;
  private final long end;

  /** In which bits each checksum is another one than the source's. */
  private final int[] differences;

  /** The same of what would be one that is composed of the new parts alone. */
  private final int[] composed;

  /** How many bytes of what each one covers are replaced; no place is replaced twice. */
  private final int[] replaced;

  /** The first that could not be read of what is replaced. */
  private final Map<Integer, IOException> unread = new HashMap<>();

  /** Which ones are taken of the finished file. */
  private final BitSet anew = new BitSet();

  private final ByteArrayOutputStream added = new ByteArrayOutputStream();

  /** The first that is not written yet. */
  private int next;

  /**
   * @param source open with checksums; the caller closes it
   * @param begin first byte of the clone, in both files
   * @param end the byte behind it
   */
  public ClonedChecksums(ReadOnlyFile source, long begin, long end) {
    this.source = source.checked();
    this.kind = this.source.kind();
    this.begin = begin;
    this.end = end;
    this.differences = new int[this.source.count()];
    this.composed = new int[this.source.count()];
    this.replaced = new int[this.source.count()];
  }

  /** What comes to a place of the clone. Offsets are counted from its begin. */
  private interface Content {

    /** Its checksums, ascending, without gaps. */
    List<Checksum> checksums(long offset, long length) throws IOException;

    /** Compares it with those that it has. */
    void check(long offset, long length) throws IOException;
  }

  /**
   * Tells that a range of the clone gets bytes of another file.
   *
   * @param with open with checksums
   * @throws IOException when it cannot be read, or is not what was written
   */
  public void replaced(long offset, long length, ReadOnlyFile with, long withOffset)
      throws IOException {
    replaced(
        offset,
        length,
        new Content() {
          @Override
          public List<Checksum> checksums(long from, long count) throws IOException {
            return with.checksums(withOffset + from, count, kind);
          }

          @Override
          public void check(long from, long count) throws IOException {
            with.check(withOffset + from, count);
          }
        });
  }

  /** Tells that a range of the clone gets the remaining bytes of a buffer. */
  public void replaced(long offset, ByteBuffer with) throws IOException {
    int first = with.position();
    replaced(
        offset,
        with.remaining(),
        (Known)
            (from, count) ->
                Digest.of(kind, with.slice(first + Math.toIntExact(from), Math.toIntExact(count))));
  }

  /** Tells that a range of the clone gets zeros. */
  public void zeroed(long offset, long length) throws IOException {
    replaced(
        offset,
        length,
        (Known)
            (from, count) -> {
              Digest digest = Digest.of(kind);
              for (long left = count; left > 0; left -= ZEROS.capacity()) {
                digest.update(ZEROS.slice(0, (int) Math.min(left, ZEROS.capacity())));
              }
              return digest.sum();
            });
  }

  /** Content that is at hand, and so has nothing to be compared with. */
  @FunctionalInterface
  private interface Known extends Content {

    Sum sum(long offset, long length);

    @Override
    default List<Checksum> checksums(long offset, long length) {
      return List.of(new Checksum(offset, Math.toIntExact(length), sum(offset, length)));
    }

    @Override
    default void check(long offset, long length) {}
  }

  private void replaced(long offset, long length, Content with) throws IOException {
    long at = offset;
    int index = source.first(offset);
    while (at < offset + length) {
      boolean covered = index < source.count() && source.offset(index) <= at;
      long next =
          covered
              ? source.end(index)
              : index < source.count() ? source.offset(index) : Long.MAX_VALUE;
      long until = Math.min(offset + length, next);
      if (!covered) {
        add(at, with.checksums(at - offset, until - at));
      } else if (isComputed(index)) {
        differ(index, at, with.checksums(at - offset, until - at));
      } else {
        source.check(source.offset(index), source.end(index) - source.offset(index));
        with.check(at - offset, until - at);
        anew.set(index);
      }
      index += covered ? 1 : 0;
      at = until;
    }
  }

  private boolean isComputed(int index) {
    return kind == ChecksumKind.CRC32C && source.offset(index) >= begin && source.end(index) <= end;
  }

  private void differ(int index, long from, List<Checksum> sums) throws IOException {
    long at = from;
    for (Checksum one : sums) {
      int length = one.lengthBytes();
      long behind = source.end(index) - at - length;
      composed[index] ^= Crc32cShift.behind(one.sum().difference(NOTHING), behind);
      replaced[index] += length;
      if (length < source.end(index) - source.offset(index)) {
        try {
          int difference = source.sum(kind, at, length).difference(one.sum());
          differences[index] ^= Crc32cShift.behind(difference, behind);
        } catch (IOException e) {
          unread.putIfAbsent(index, e); // says nothing when the rest of it is replaced, too
        }
      }
      at += length;
    }
  }

  private Sum computed(int index) throws IOException {
    if (replaced[index] == source.end(index) - source.offset(index)) {
      return NOTHING.changed(composed[index]);
    }
    IOException failed = unread.get(index);
    if (failed != null) {
      throw failed;
    }
    return source.sum(index).changed(differences[index]);
  }

  /**
   * Adds checksums of what does not lie in the clone, or where it has none.
   *
   * @param offset where the first one's range comes to lie, the others' behind it
   */
  public void add(long offset, List<Checksum> sums) throws IOException {
    DataOutputStream out = new DataOutputStream(added);
    long at = offset;
    for (Checksum one : sums) {
      out.writeLong(at);
      out.writeInt(one.lengthBytes());
      byte[] sum = new byte[kind.lengthBytes()];
      one.sum().putInto(ByteBuffer.wrap(sum));
      out.write(sum);
      at += one.lengthBytes();
    }
  }

  /** Adds the checksum of the remaining bytes of a buffer, which do not lie in the clone. */
  public void add(long offset, ByteBuffer bytes) throws IOException {
    add(offset, List.of(new Checksum(offset, bytes.remaining(), Digest.of(kind, bytes))));
  }

  /**
   * Writes some of them, when there is nothing left to be told.
   *
   * @param log of the same kind
   * @param file the changed one
   * @return whether there are more
   */
  public boolean writeSome(ChecksumLog log, DirectFile file) throws IOException {
    long budget = TAKEN_BYTES;
    int i = Math.max(next, source.first(begin));
    for (; i < source.count() && source.offset(i) < end && budget > 0; i++) {
      long from = Math.max(begin, source.offset(i));
      long until = Math.min(end, source.end(i));
      if (anew.get(i)) {
        log.record(new Checksum(from, Math.toIntExact(until - from), taken(file, from, until)));
        budget -= until - from;
      } else if (isComputed(i)) {
        log.record(new Checksum(from, Math.toIntExact(until - from), computed(i)));
      } else {
        for (Checksum one : source.checksums(from, until - from, kind)) {
          log.record(one);
        }
      }
    }
    next = i;
    boolean more = i < source.count() && source.offset(i) < end;
    if (!more) {
      writeAdded(log);
    }
    return more;
  }

  private void writeAdded(ChecksumLog log) throws IOException {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(added.toByteArray()));
    while (in.available() > 0) {
      long offset = in.readLong();
      int length = in.readInt();
      log.record(new Checksum(offset, length, new Sum(kind, in.readNBytes(kind.lengthBytes()))));
    }
  }

  private Sum taken(DirectFile file, long from, long until) throws IOException {
    Digest digest = Digest.of(kind);
    ByteBuffer bytes = ByteBuffer.allocateDirect(1 << 18);
    for (long at = from; at < until; at += bytes.limit()) {
      file.read(bytes.clear().limit((int) Math.min(bytes.capacity(), until - at)), at);
      digest.update(bytes.flip());
    }
    return digest.sum();
  }
}
