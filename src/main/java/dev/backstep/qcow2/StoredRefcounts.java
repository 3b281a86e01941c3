package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * The refcounts as an image keeps them (specification: "Host cluster management"). One block is in
 * memory, and the table, at most 8 MiB.
 */
final class StoredRefcounts {

  private final TableFile tables;
  private final Qcow2Header header;
  private final long[] blocks;

  private StoredRefcounts(TableFile tables, Qcow2Header header, long[] blocks) {
    this.tables = tables;
    this.header = header;
    this.blocks = blocks;
  }

  /**
   * Reads the refcount table and enters it and its blocks.
   *
   * @throws Qcow2FormatException when the header names none that could be one
   */
  static StoredRefcounts open(
      Path image, TableFile tables, Qcow2Header header, ClusterLedger ledger, Findings findings)
      throws IOException {
    int clusters = header.refcountTableClusters();
    long bytes = Integer.toUnsignedLong(clusters) << header.clusterBits();
    if (clusters == 0 || bytes > Qcow2Constants.REFCOUNT_TABLE_BYTES_MAX) {
      throw new Qcow2FormatException(
          image,
          56,
          "refcount table of "
              + bytes
              + " bytes, expected a cluster to "
              + Qcow2Constants.REFCOUNT_TABLE_BYTES_MAX);
    }
    long offset = header.refcountTableOffset();
    if (!ledger.table(48, "the refcount table", offset, bytes)) {
      return new StoredRefcounts(tables, header, new long[0]);
    }
    long[] blocks = tables.readEntries(offset, (int) bytes / 8);
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = enterBlock(offset + i * 8L, blocks[i], header, ledger, findings);
    }
    return new StoredRefcounts(tables, header, blocks);
  }

  /** The block's offset, 0 if there is none that could be read. */
  private static long enterBlock(
      long at, long entry, Qcow2Header header, ClusterLedger ledger, Findings findings) {
    long offset = entry & ~Qcow2Constants.REFCOUNT_TABLE_RESERVED;
    if (offset != entry) {
      findings.corruption(
          at,
          "refcount table entry 0x" + Long.toHexString(entry),
          "reserved bits that are 0",
          "the entry is damaged and its refcounts may be wrong");
    }
    return offset != 0 && ledger.table(at, "a refcount block", offset, header.clusterBytes())
        ? offset
        : 0;
  }

  /** Log2 of the clusters that a block counts. */
  private int blockBits() {
    return header.clusterBits() + 3 - header.refcountOrder();
  }

  /** Puts every cluster's refcount beside its references. */
  void compare(ReferenceCounts counts, Comparison comparison) throws IOException {
    long at = 0;
    while (at < counts.clusters()) {
      long index = at >>> blockBits();
      long end = Math.min(index + 1 << blockBits(), counts.clusters());
      if (index < blocks.length && blocks[(int) index] != 0) {
        ByteBuffer block = tables.read(blocks[(int) index], header.clusterBytes());
        for (; at < end; at++) {
          comparison.cluster(at, refcount(block, (int) (at & (1L << blockBits()) - 1)));
        }
      } else {
        for (at = counts.skipUnused(at); at < end; at = counts.skipUnused(at + 1)) {
          comparison.cluster(at, 0);
        }
        at = end;
      }
    }
  }

  /** Hears of each cluster that has a refcount or may have references, in ascending order. */
  interface Comparison {
    /**
     * @param stored the refcount, unsigned
     */
    void cluster(long cluster, long stored);
  }

  /** Counts narrower than a byte begin at its lowest bit. */
  private long refcount(ByteBuffer block, int index) {
    int order = header.refcountOrder();
    return switch (order) {
      case 3 -> Byte.toUnsignedLong(block.get(index));
      case 4 -> Short.toUnsignedLong(block.getShort(index * 2));
      case 5 -> Integer.toUnsignedLong(block.getInt(index * 4));
      case 6 -> block.getLong(index * 8);
      default -> {
        int perByteBits = 3 - order;
        int shift = (index & (1 << perByteBits) - 1) << order;
        yield block.get(index >>> perByteBits) >>> shift & (1 << (1 << order)) - 1;
      }
    };
  }
}
