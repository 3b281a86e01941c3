package dev.backstep.qcow2;

import dev.backstep.blockio.AlignedBuffers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * L1 table and current L2 table of a clone that is changed in ascending order of the disk. They
 * begin as the source's. For one thread.
 */
final class CloneTables {

  private final CloneSource source;
  private final int clusterBits;
  private final long[] l1;
  private final long[] l2;
  private int region = -1;
  private boolean changed;

  CloneTables(CloneSource source, Qcow2Spec spec) {
    this.source = source;
    this.clusterBits = spec.clusterBits();
    this.l1 = Arrays.copyOf(source.layer().l1(), spec.l1Entries());
    this.l2 = new long[(1 << clusterBits) / 8];
  }

  /** Whether the table of a guest cluster is in memory. */
  boolean has(long guestCluster) {
    return guestCluster / l2.length == region;
  }

  /**
   * Takes the table of a guest cluster; the one before must be written if it {@link #isChanged}.
   */
  void open(long guestCluster) throws IOException {
    region = (int) (guestCluster / l2.length);
    Arrays.fill(l2, 0);
    if (tableOffset() != 0) {
      System.arraycopy(source.layer().table(region), 0, l2, 0, l2.length);
    }
  }

  /** Place of the current table; 0 where it has none yet. */
  long tableOffset() {
    return l1[region] & Qcow2Constants.OFFSET_MASK;
  }

  void place(long host) {
    l1[region] = host | Qcow2Constants.COPIED;
  }

  /** Where a guest cluster lies; 0 for nowhere. */
  long host(long guestCluster) {
    return l2[index(guestCluster)] & Qcow2Constants.OFFSET_MASK;
  }

  private int index(long guestCluster) {
    return (int) (guestCluster % l2.length);
  }

  /** How many clusters of the current table lie one behind the other, or lie nowhere. */
  int runFrom(long guestCluster, long most) {
    int index = index(guestCluster);
    long host = host(guestCluster);
    int end = (int) Math.min(l2.length, index + most);
    int next = index + 1;
    while (next < end
        && (l2[next] & Qcow2Constants.OFFSET_MASK)
            == (host == 0 ? 0 : host + ((long) (next - index) << clusterBits))) {
      next++;
    }
    return next - index;
  }

  /** Enters clusters that lie one behind the other. */
  void enter(long guestCluster, int count, long host) {
    for (int i = 0; i < count; i++) {
      l2[index(guestCluster) + i] = (host + ((long) i << clusterBits)) | Qcow2Constants.COPIED;
    }
    changed = true;
  }

  /** Gives clusters an entry without a place. */
  void clear(long guestCluster, int count, long entry) {
    for (int i = index(guestCluster); i < index(guestCluster) + count; i++) {
      changed |= l2[i] != entry;
      l2[i] = entry;
    }
  }

  boolean isChanged() {
    return changed;
  }

  /** The current table, which counts as written from now on. */
  ByteBuffer l2Bytes() {
    changed = false;
    return bytes(l2, 1 << clusterBits);
  }

  /** The L1 table, whole clusters. */
  ByteBuffer l1Bytes() {
    return bytes(l1, Math.ceilDiv(l1.length * 8, 1 << clusterBits) << clusterBits);
  }

  private static ByteBuffer bytes(long[] table, int length) {
    ByteBuffer bytes = AlignedBuffers.allocate(length);
    bytes.asLongBuffer().put(table);
    return bytes;
  }
}
