package dev.backstep.source;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;

/**
 * What QEMU may have changed around the old end of a disk that it made larger, without marking it
 * in any bitmap: it fills the last cluster with zeros.
 */
public final class GrownDisk {

  /** Bytes of disk that one bit of a bitmap stands for, where nobody asks for another number. */
  private static final long GRANULE = 65_536;

  /** Largest cluster of a qcow2 file. */
  private static final long CLUSTER_MAX = 2L << 20;

  private GrownDisk() {}

  /**
   * @param then the disk's size in bytes when the bitmap was made
   * @param now its size in bytes, not smaller
   */
  public static void unmarked(long then, long now, ExtentVisitor visitor) {
    if (then == now || then == 0) {
      return;
    }
    long start = (then - 1) / GRANULE * GRANULE;
    long end = Math.min(now, Math.ceilDiv(then, CLUSTER_MAX) * CLUSTER_MAX);
    visitor.extent(start, end - start, ExtentKind.DATA);
  }
}
