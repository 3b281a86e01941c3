package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The dirty bitmaps that an image keeps (specification: "Bitmaps").
 *
 * <pre>
 * byte  size  meaning of a directory entry (big endian)
 *    0     8  bitmap table: offset
 *    8     4  bitmap table: entries
 *   18     2  length of the name
 *   20     4  length of extra data
 *   24        extra data, name, padding to 8 bytes
 * </pre>
 */
final class BitmapDirectory {

  private static final int ENTRY_BYTES_MIN = 24;

  /** Entries of a bitmap table that are in memory. */
  private static final int ENTRIES_AT_ONCE = 8192;

  /** Reserved bits of a bitmap table entry: 1 to 8 and 56 to 63. */
  private static final long RESERVED = 0xff000000000001feL;

  private final TableFile tables;
  private final Qcow2Header header;
  private final ClusterLedger ledger;
  private final Findings findings;

  /** What is left to read: bitmap tables that do not overlap take no more than the file has. */
  private long tableBytesLeft;

  BitmapDirectory(TableFile tables, Qcow2Header header, ClusterLedger ledger, Findings findings) {
    this.tables = tables;
    this.header = header;
    this.ledger = ledger;
    this.findings = findings;
    this.tableBytesLeft = tables.sizeBytes();
  }

  /** Enters the directory, the bitmap tables that it names, and their data. */
  void enter(BitmapsExtension extension) throws IOException {
    long at = extension.directoryOffset();
    long bytes = extension.directoryBytes();
    int count = extension.bitmaps();
    if (count < 1 || count > Qcow2Constants.BITMAPS_MAX || bytes < 0) {
      findings.corruption(
          extension.at(),
          Integer.toUnsignedString(count) + " bitmaps in a directory of " + bytes + " bytes",
          "1 to " + Qcow2Constants.BITMAPS_MAX,
          "the header is damaged and the bitmaps are lost");
      return;
    }
    if (!ledger.table(extension.at() + 16, "the bitmap directory", at, bytes)) {
      return;
    }
    long end = at + Math.min(bytes, tables.sizeBytes() - at);
    int found = 0;
    for (; found < count && at <= end - ENTRY_BYTES_MIN; found++) {
      ByteBuffer entry = tables.read(at, ENTRY_BYTES_MIN);
      enterBitmap(at, entry.getLong(0), Integer.toUnsignedLong(entry.getInt(8)));
      long name = Short.toUnsignedLong(entry.getShort(18));
      at += ENTRY_BYTES_MIN + name + Integer.toUnsignedLong(entry.getInt(20)) + 7 & ~7;
    }
    if (found != count || at != end) {
      findings.corruption(
          extension.at(),
          found + " bitmaps in a directory that ends at byte " + end + ", the last at byte " + at,
          count + " that fill it",
          "the directory is damaged and bitmaps are lost");
    }
  }

  private void enterBitmap(long at, long tableOffset, long entries) throws IOException {
    if (!ledger.table(at, "a bitmap table", tableOffset, entries * 8)) {
      return;
    }
    long there = Math.min(entries, (tables.sizeBytes() - tableOffset) / 8);
    tableBytesLeft -= there * 8;
    for (long first = 0; first < there && tableBytesLeft >= 0; first += ENTRIES_AT_ONCE) {
      long offset = tableOffset + first * 8;
      long[] table = tables.readEntries(offset, (int) Math.min(ENTRIES_AT_ONCE, there - first));
      for (int i = 0; i < table.length; i++) {
        enterData(offset + i * 8L, table[i]);
      }
    }
  }

  private void enterData(long at, long entry) {
    long offset = entry & Qcow2Constants.OFFSET_MASK;
    if ((entry & RESERVED) != 0 || (offset != 0 && (entry & 1) != 0)) {
      findings.corruption(
          at,
          "bitmap table entry 0x" + Long.toHexString(entry),
          "reserved bits that are 0",
          "the entry is damaged and the bitmap cannot be used");
    }
    if (offset != 0) {
      ledger.table(at, "a bitmap's data", offset, header.clusterBytes());
    }
  }
}
