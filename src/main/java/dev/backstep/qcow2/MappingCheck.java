package dev.backstep.qcow2;

import java.io.IOException;
import java.util.Arrays;

/**
 * Goes through L1 tables and the L2 tables under them (specification: "Cluster mapping"). An L1
 * table is in memory, at most 32 MiB, and one L2 table. Used by one thread.
 */
final class MappingCheck {

  private final TableFile tables;
  private final Qcow2Header header;
  private final ClusterLedger ledger;
  private final Findings findings;
  private long allocated;
  private long compressed;

  MappingCheck(TableFile tables, Qcow2Header header, ClusterLedger ledger, Findings findings) {
    this.tables = tables;
    this.header = header;
    this.ledger = ledger;
    this.findings = findings;
  }

  /** Clusters of the disk with room in the file, in the L1 tables that were counted. */
  long allocated() {
    return allocated;
  }

  long compressed() {
    return compressed;
  }

  /**
   * Enters the L2 tables of an L1 table.
   *
   * @param shared whether they may be those of another L1 table, too
   * @return the offsets of those that are to be gone through, ascending, each once, so that no L1
   *     table costs more than reading the file
   */
  long[] enterTables(long l1Offset, long[] l1, boolean shared) {
    long[] found = new long[l1.length];
    int count = 0;
    for (int i = 0; i < l1.length; i++) {
      long at = l1Offset + i * 8L;
      long offset = offset(l1[i]);
      if ((l1[i] & Qcow2Constants.L1_RESERVED) != 0 || (l1[i] != 0 && offset == 0)) {
        findings.corruption(
            at,
            "L1 entry 0x" + Long.toHexString(l1[i]),
            "the offset of an L2 table, and reserved bits that are 0",
            "the entry is damaged and its part of the disk cannot be read");
      }
      if (offset != 0 && enterTable(at, offset, shared)) {
        found[count++] = offset;
      }
    }
    return Arrays.stream(found, 0, count).sorted().distinct().toArray();
  }

  private boolean enterTable(long at, long offset, boolean shared) {
    return shared
        ? ledger.sharedTable(at, "an L2 table", offset, header.clusterBytes())
        : ledger.table(at, "an L2 table", offset, header.clusterBytes());
  }

  /** Enters what the entries of L2 tables refer to. */
  void enterClusters(long[] tableOffsets) throws IOException {
    for (long table : tableOffsets) {
      long[] entries = tables.readEntries(table, header.l2Entries());
      for (int i = 0; i < entries.length; i++) {
        if (entries[i] != 0) {
          enterCluster(table + i * 8L, entries[i]);
        }
      }
    }
  }

  private void enterCluster(long at, long entry) {
    if ((entry & Qcow2Constants.COMPRESSED) != 0) {
      enterCompressed(at, entry);
      return;
    }
    boolean zero = (entry & Qcow2Constants.ZERO) != 0;
    if ((entry & Qcow2Constants.L2_RESERVED) != 0 || (zero && header.version() == 2)) {
      findings.corruption(
          at,
          "L2 entry 0x" + Long.toHexString(entry) + " in an image of version " + header.version(),
          "reserved bits that are 0",
          "the entry is damaged and its cluster cannot be read");
    }
    long offset = offset(entry);
    if (offset != 0) {
      allocated++;
      ledger.data(at, offset);
    }
  }

  private void enterCompressed(long at, long entry) {
    if ((entry & Qcow2Constants.COPIED) != 0) {
      findings.corruption(
          at,
          "a compressed cluster with the flag COPIED",
          "no flag",
          "a write of the guest could destroy the compressed data beside it");
    }
    allocated++;
    compressed++;
    ledger.compressed(at, CompressedRun.of(entry, header.clusterBits()));
  }

  private static long offset(long entry) {
    return entry & Qcow2Constants.OFFSET_MASK;
  }

  /**
   * Looks whether the flag COPIED stands at those entries whose cluster has refcount 1; only the
   * active L1 table's have to be right.
   *
   * @param refcounts as they are stored, or what makes no difference here
   */
  void checkCopied(long l1Offset, long[] l1, long[] tableOffsets, ReferenceCounts refcounts)
      throws IOException {
    for (int i = 0; i < l1.length; i++) {
      checkCopied(l1Offset + i * 8L, l1[i], refcounts);
    }
    for (long table : tableOffsets) {
      long[] entries = tables.readEntries(table, header.l2Entries());
      for (int i = 0; i < entries.length; i++) {
        if ((entries[i] & Qcow2Constants.COMPRESSED) == 0) {
          checkCopied(table + i * 8L, entries[i], refcounts);
        }
      }
    }
  }

  private void checkCopied(long at, long entry, ReferenceCounts refcounts) {
    long offset = offset(entry);
    long cluster = offset >>> header.clusterBits();
    if (offset == 0 || cluster >= refcounts.clusters()) {
      return;
    }
    boolean copied = (entry & Qcow2Constants.COPIED) != 0;
    boolean one = refcounts.count(cluster) == 1;
    if (copied && !one) {
      findings.corruption(
          at,
          "the flag COPIED, but the refcount of the cluster at byte " + offset + " is not 1",
          "no flag",
          "a write of the guest would change what others refer to, too");
    } else if (!copied && one) {
      findings.corruption(
          at,
          "no flag COPIED, but the refcount of the cluster at byte " + offset + " is 1",
          "the flag",
          "a write of the guest takes a new cluster without need");
    }
  }
}
