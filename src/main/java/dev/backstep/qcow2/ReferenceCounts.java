package dev.backstep.qcow2;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * How often each cluster of a file is referred to, and whether as metadata. Two bits per cluster
 * where no cluster is referred to twice: 16 MiB for 4 TiB in clusters of 64 KiB. A page of 4096
 * clusters takes eight bits each when one of them is shared, by internal snapshots or compressed
 * data, and 32 when one is shared by more than 127. Pages without references take nothing. Used by
 * one thread.
 */
final class ReferenceCounts {

  private static final int PAGE_BITS = 12;
  private static final int PAGE_CLUSTERS = 1 << PAGE_BITS;

  /** Counts are not told apart above this. */
  private static final int COUNT_MAX = Integer.MAX_VALUE >> 1;

  private final long clusters;
  private final @Nullable Page[] pages;

  /**
   * @param clusters at most 2^31, so that pages can be indexed
   */
  ReferenceCounts(long clusters) {
    this.clusters = clusters;
    this.pages = new @Nullable Page[Math.toIntExact(Math.ceilDiv(clusters, PAGE_CLUSTERS))];
  }

  /** A value is twice the count, plus one where the cluster holds metadata. */
  private static final class Page {

    private int bits = 2;
    private ByteBuffer values = ByteBuffer.allocate(PAGE_CLUSTERS * bits / 8);

    int get(int index) {
      return switch (bits) {
        case 2 -> values.get(index >>> 2) >>> (index & 3) * 2 & 3;
        case 8 -> values.get(index) & 0xff;
        default -> values.getInt(index * 4);
      };
    }

    void set(int index, int value) {
      while (bits < 32 && value >>> bits != 0) {
        widen();
      }
      switch (bits) {
        case 2 -> {
          int shift = (index & 3) * 2;
          int others = values.get(index >>> 2) & ~(3 << shift);
          values.put(index >>> 2, (byte) (others | value << shift));
        }
        case 8 -> values.put(index, (byte) value);
        default -> values.putInt(index * 4, value);
      }
    }

    private void widen() {
      int[] old = new int[PAGE_CLUSTERS];
      for (int i = 0; i < PAGE_CLUSTERS; i++) {
        old[i] = get(i);
      }
      bits *= 4;
      values = ByteBuffer.allocate(PAGE_CLUSTERS * bits / 8);
      for (int i = 0; i < PAGE_CLUSTERS; i++) {
        set(i, old[i]);
      }
    }
  }

  long clusters() {
    return clusters;
  }

  int count(long cluster) {
    return value(cluster) >>> 1;
  }

  boolean isMetadata(long cluster) {
    return (value(cluster) & 1) != 0;
  }

  /** First cluster from {@code cluster} on that may be referred to: none before it is. */
  long skipUnused(long cluster) {
    long at = cluster;
    while (at < clusters && pages[(int) (at >>> PAGE_BITS)] == null) {
      at = (at >>> PAGE_BITS) + 1 << PAGE_BITS;
    }
    return Math.min(at, clusters);
  }

  void add(long cluster, boolean metadata) {
    set(cluster, Math.min(count(cluster) + 1, COUNT_MAX), metadata || isMetadata(cluster));
  }

  /** Puts another count in the place of the one that was made. */
  void replace(long cluster, int count) {
    set(cluster, count, isMetadata(cluster));
  }

  private int value(long cluster) {
    Page page = pages[(int) (cluster >>> PAGE_BITS)];
    return page == null ? 0 : page.get((int) cluster & PAGE_CLUSTERS - 1);
  }

  private void set(long cluster, int count, boolean metadata) {
    int index = (int) (cluster >>> PAGE_BITS);
    Page page = pages[index];
    if (page == null) {
      page = new Page();
      pages[index] = page;
    }
    page.set((int) cluster & PAGE_CLUSTERS - 1, count << 1 | (metadata ? 1 : 0));
  }
}
