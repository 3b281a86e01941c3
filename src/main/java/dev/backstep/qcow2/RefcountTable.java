package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongPredicate;

/**
 * Writes the refcounts of a finished image behind its data (specification: "Host cluster
 * management"), 16 bits each, block by block in ascending order, so that two blocks are in memory
 * whatever the image's size. A cluster that compressed data shares counts each compressed cluster
 * that touches it; every other cluster in use counts 1.
 */
final class RefcountTable {

  private final ImageOutput output;
  private final int clusterBits;
  private final int blockEntries;
  private final long usedClusters;
  private final long blocks;
  private final long tableClusters;

  /** Touches of compressed data in the block that is being made and the one behind it. */
  private short[] current;

  private short[] next;
  private long block;

  private final LongPredicate used;

  /**
   * @param end first byte behind the data and the tables, cluster aligned; all before it is in use
   */
  RefcountTable(ImageOutput output, int clusterBits, long end) {
    this(output, clusterBits, end, cluster -> true);
  }

  /**
   * @param used whether a cluster is in use; asked of all in turn
   */
  RefcountTable(ImageOutput output, int clusterBits, long end, LongPredicate used) {
    this.output = output;
    this.used = used;
    this.clusterBits = clusterBits;
    this.blockEntries = (1 << clusterBits) / 2;
    this.usedClusters = end >>> clusterBits;
    long blockCount = 0;
    long tableCount = 0;
    while (true) {
      long total = usedClusters + blockCount + tableCount;
      long blocksNeeded = Math.ceilDiv(total, blockEntries);
      long tableNeeded = Math.ceilDiv(blocksNeeded * 8, 1L << clusterBits);
      if (blocksNeeded == blockCount && tableNeeded == tableCount) {
        break;
      }
      blockCount = blocksNeeded;
      tableCount = tableNeeded;
    }
    this.blocks = blockCount;
    this.tableClusters = tableCount;
    this.current = new short[blockEntries];
    this.next = new short[blockEntries];
  }

  long tableOffset() {
    return usedClusters + blocks << clusterBits;
  }

  int tableClusters() {
    return Math.toIntExact(tableClusters);
  }

  /** First byte behind everything: the image's length. */
  long end() {
    return tableOffset() + (tableClusters << clusterBits);
  }

  /**
   * Counts one compressed cluster's bytes; offsets ascend but for less than a block.
   *
   * @param host first byte of the compressed data
   */
  void compressed(long host, int length) throws IOException {
    for (long cluster = host >>> clusterBits;
        cluster <= (host + length - 1) >>> clusterBits;
        cluster++) {
      while (cluster >= (block + 2) * blockEntries) {
        writeBlock();
      }
      short[] counts = cluster >= (block + 1) * blockEntries ? next : current;
      counts[(int) (cluster % blockEntries)]++;
    }
  }

  /** Writes what is left, and the table. */
  void finish() throws IOException {
    while (block < blocks) {
      writeBlock();
    }
    ByteBuffer table = ByteBuffer.allocateDirect((int) (tableClusters << clusterBits));
    for (long i = 0; i < blocks; i++) {
      table.putLong(usedClusters + i << clusterBits);
    }
    output.write(table.clear(), tableOffset());
  }

  private void writeBlock() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(1 << clusterBits);
    long first = block * blockEntries;
    long total = usedClusters + blocks + tableClusters;
    for (int i = 0; i < blockEntries && first + i < total; i++) {
      bytes.putShort(current[i] == 0 && used.test(first + i) ? 1 : current[i]);
    }
    output.write(bytes.clear(), usedClusters + block << clusterBits);
    short[] done = current;
    current = next;
    next = done;
    Arrays.fill(next, (short) 0);
    block++;
  }
}
