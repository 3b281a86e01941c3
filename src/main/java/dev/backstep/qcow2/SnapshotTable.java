package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The internal snapshots of an image (specification: "Snapshots"). Their L1 tables are gone through
 * one after the other, so that one is in memory.
 *
 * <pre>
 * byte  size  meaning of an entry (big endian)
 *    0     8  L1 table: offset
 *    8     4  L1 table: entries
 *   12     2  length of the id
 *   14     2  length of the name
 *   36     4  length of extra data
 *   40        extra data, id, name, padding to 8 bytes
 * </pre>
 */
final class SnapshotTable {

  private static final int ENTRY_BYTES_MIN = 40;

  private final TableFile tables;
  private final Qcow2Header header;
  private final ClusterLedger ledger;
  private final Findings findings;

  /** What is left to read: L1 tables that do not overlap take no more than the file has. */
  private long l1BytesLeft;

  SnapshotTable(TableFile tables, Qcow2Header header, ClusterLedger ledger, Findings findings) {
    this.tables = tables;
    this.header = header;
    this.ledger = ledger;
    this.findings = findings;
    this.l1BytesLeft = tables.sizeBytes();
  }

  /** Enters the table, the L1 tables that it names, and all that they refer to. */
  void enter(MappingCheck mapping) throws IOException {
    long at = header.snapshotsOffset();
    if (header.snapshots() == 0 || !isPlausible(at)) {
      return;
    }
    long end = at;
    for (int i = 0; i < header.snapshots(); i++) {
      if (at > tables.sizeBytes() - ENTRY_BYTES_MIN) {
        findings.corruption(
            at,
            "entry " + i + " of " + header.snapshots() + " of the snapshot table",
            "to lie in the file of " + tables.sizeBytes() + " bytes",
            "the file is truncated or the entry before is damaged; snapshots are lost");
        break;
      }
      ByteBuffer entry = tables.read(at, ENTRY_BYTES_MIN);
      enterSnapshot(at, entry.getLong(0), entry.getInt(8), mapping);
      long names =
          Short.toUnsignedLong(entry.getShort(12)) + Short.toUnsignedLong(entry.getShort(14));
      long length = ENTRY_BYTES_MIN + Integer.toUnsignedLong(entry.getInt(36)) + names;
      end = at + length; // QEMU does not write the padding of the last entry
      at = end + 7 & ~7;
    }
    long bytes = end - header.snapshotsOffset();
    ledger.table(64, "the snapshot table", header.snapshotsOffset(), bytes);
  }

  private boolean isPlausible(long offset) {
    int count = header.snapshots();
    if (count > 0 && count <= Qcow2Constants.SNAPSHOTS_MAX && offset > 0) {
      return true;
    }
    findings.corruption(
        60,
        Integer.toUnsignedString(count) + " snapshots, listed at byte " + offset,
        "up to " + Qcow2Constants.SNAPSHOTS_MAX + " of them, in the file",
        "the header is damaged and the snapshots are lost");
    return false;
  }

  private void enterSnapshot(long at, long l1Offset, int l1Entries, MappingCheck mapping)
      throws IOException {
    long bytes = Integer.toUnsignedLong(l1Entries) * 8;
    if (bytes > Qcow2Constants.L1_BYTES_MAX) {
      findings.corruption(
          at + 8,
          "a snapshot's L1 table of " + bytes + " bytes",
          "up to " + Qcow2Constants.L1_BYTES_MAX,
          "the entry is damaged and the snapshot is lost");
    } else if (bytes > 0 && ledger.table(at, "a snapshot's L1 table", l1Offset, bytes)) {
      int there = (int) Math.min(l1Entries, (tables.sizeBytes() - l1Offset) / 8);
      l1BytesLeft -= there * 8L;
      if (l1BytesLeft >= 0) {
        long[] l1 = tables.readEntries(l1Offset, there);
        mapping.enterClusters(mapping.enterTables(l1Offset, l1, true));
      }
    }
  }
}
