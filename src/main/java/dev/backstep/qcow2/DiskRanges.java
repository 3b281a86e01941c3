package dev.backstep.qcow2;

import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds what of the disk a part of an image's file is about: the clusters whose data lie in it, and
 * those whose L2 entries do. Made for images that are damaged: what makes no sense is left out.
 */
public final class DiskRanges {

  /** Of one part of the file; more say nothing more. */
  private static final int RANGES_MAX = 8;

  private final Qcow2Header header;
  private final ReadOnlyFile file;
  private final List<ByteRange> parts;
  private final Map<ByteRange, List<ByteRange>> found = new HashMap<>();

  private DiskRanges(Qcow2Header header, ReadOnlyFile file, Collection<ByteRange> parts) {
    this.header = header;
    this.file = file;
    this.parts = List.copyOf(parts);
  }

  /**
   * Goes through all tables of an image, whatever lies below it.
   *
   * @param parts of its file
   * @return ranges of the disk by part, ascending, neighbours as one; a part that has nothing to do
   *     with the disk's content, or of which that cannot be told, is not among the keys
   */
  public static Map<ByteRange, List<ByteRange>> of(Path image, Collection<ByteRange> parts) {
    try (ReadOnlyFile file = ReadOnlyFile.open(image)) {
      DiskRanges ranges = new DiskRanges(Qcow2Header.read(image, file), file, parts);
      ranges.walk();
      return ranges.found;
    } catch (IOException e) {
      return Map.of(); // that the image cannot be read is told by whoever found the damage
    }
  }

  private void walk() throws IOException {
    long[] l1 = entries(header.l1Offset(), header.l1Entries());
    long tableBytes = header.clusterBytes();
    for (int i = 0; i < l1.length; i++) {
      long guest = (long) i * header.l2Entries() << header.clusterBits();
      long offset = l1[i] & Qcow2Constants.OFFSET_MASK;
      enter(
          header.l1Offset() + i * 8L, 8, guest, (long) header.l2Entries() << header.clusterBits());
      if (offset != 0 && offset % tableBytes == 0 && offset + tableBytes <= file.sizeBytes()) {
        walk(offset, guest);
      }
    }
  }

  private void walk(long table, long firstGuest) throws IOException {
    long[] entries = entries(table, header.l2Entries());
    for (int i = 0; i < entries.length; i++) {
      long guest = firstGuest + ((long) i << header.clusterBits());
      if (guest >= header.virtualSize()) {
        return;
      }
      enter(table + i * 8L, 8, guest, header.clusterBytes());
      if ((entries[i] & Qcow2Constants.COMPRESSED) != 0) {
        CompressedRun run = CompressedRun.of(entries[i], header.clusterBits());
        enter(run.host(), run.length(), guest, header.clusterBytes());
      } else if ((entries[i] & Qcow2Constants.OFFSET_MASK) != 0) {
        long host = entries[i] & Qcow2Constants.OFFSET_MASK;
        enter(host, header.clusterBytes(), guest, header.clusterBytes());
      }
    }
  }

  private long[] entries(long offset, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * 8);
    long at = offset;
    while (bytes.hasRemaining()) {
      int read = file.read(bytes, at);
      if (read < 0) {
        break; // what is not there reads as zeros: nothing is entered for it
      }
      at += read;
    }
    long[] entries = new long[count];
    bytes.position(0).limit(count * 8).asLongBuffer().get(entries);
    return entries;
  }

  /** Notes that bytes of the file stand for bytes of the disk. */
  private void enter(long host, long hostLength, long guest, long guestLength) {
    long end = Math.min(guest + guestLength, header.virtualSize());
    for (ByteRange part : parts) {
      if (host < part.offset() + part.length()
          && part.offset() < host + hostLength
          && guest < end) {
        add(found.computeIfAbsent(part, key -> new ArrayList<>()), guest, end - guest);
      }
    }
  }

  private static void add(List<ByteRange> ranges, long guest, long length) {
    ByteRange last = ranges.isEmpty() ? null : ranges.getLast();
    if (last != null && guest <= last.offset() + last.length()) {
      long end = Math.max(last.offset() + last.length(), guest + length);
      ranges.set(ranges.size() - 1, new ByteRange(last.offset(), end - last.offset()));
    } else if (ranges.size() < RANGES_MAX) {
      ranges.add(new ByteRange(guest, length));
    }
  }
}
