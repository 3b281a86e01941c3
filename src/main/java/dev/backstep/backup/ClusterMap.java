package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ByteRange;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which clusters of a disk a backup stores: two bits a cluster, so that any list of extents, in any
 * order, overlapping or repeated, costs 16 MiB for a 4 TiB disk at most. A cluster that an extent
 * touches in part is {@code DATA}, because a cluster is stored whole; where extents contradict each
 * other {@code DATA} wins. Not thread-safe while extents are added.
 */
public final class ClusterMap implements ExtentVisitor {

  /** Bytes a cluster: that of the images we write. */
  public static final int CLUSTER_BYTES = 1 << 16;

  /** Clusters a page: 512 MiB of disk. */
  private static final int PAGE_CLUSTERS = 8192;

  private static final int PAGE_WORDS = PAGE_CLUSTERS / 64;
  private static final long[] ALL = filled(-1L);
  private static final long[] NONE = filled(0L);

  private final long sizeBytes;
  private final long clusters;
  private final long[][] data;
  private final long[][] zero;

  /**
   * @param sizeBytes the disk's size, at least 0
   */
  public ClusterMap(long sizeBytes) {
    this.sizeBytes = sizeBytes;
    this.clusters = Math.ceilDiv(sizeBytes, CLUSTER_BYTES);
    int pages = Math.toIntExact(Math.ceilDiv(clusters, PAGE_CLUSTERS));
    this.data = new long[pages][];
    this.zero = new long[pages][];
    Arrays.fill(data, NONE);
    Arrays.fill(zero, NONE);
  }

  private static long[] filled(long word) {
    long[] page = new long[PAGE_WORDS];
    Arrays.fill(page, word);
    return page;
  }

  /**
   * A run of clusters of one kind.
   *
   * @param range cluster aligned, but for the end of the disk
   */
  public record Run(ByteRange range, ExtentKind kind) {}

  /**
   * Adds one extent.
   *
   * @throws IllegalArgumentException when it does not lie inside the disk; nothing is added then
   */
  @Override
  public void extent(long offset, long length, ExtentKind kind) {
    if (offset < 0 || length < 1 || length > sizeBytes - offset) {
      throw new IllegalArgumentException(
          "extent at byte " + offset + " of " + length + " bytes, but the disk has " + sizeBytes);
    }
    long end = offset + length;
    long first = offset / CLUSTER_BYTES;
    long last = Math.ceilDiv(end, CLUSTER_BYTES);
    if (kind == ExtentKind.DATA) {
      set(data, first, last);
      return;
    }
    long firstWhole = Math.ceilDiv(offset, CLUSTER_BYTES);
    long lastWhole = end == sizeBytes ? last : end / CLUSTER_BYTES;
    if (firstWhole > lastWhole) {
      set(data, first, last);
      return;
    }
    set(data, first, firstWhole);
    set(zero, firstWhole, lastWhole);
    set(data, lastWhole, last);
  }

  /**
   * Adds data.
   *
   * @throws IllegalArgumentException when it does not lie inside the disk
   */
  void data(ByteRange range) {
    extent(range.offset(), range.length(), ExtentKind.DATA);
  }

  private static void set(long[][] pages, long first, long end) {
    long cluster = first;
    while (cluster < end) {
      int page = (int) (cluster / PAGE_CLUSTERS);
      int from = (int) (cluster % PAGE_CLUSTERS);
      int to = (int) Math.min(PAGE_CLUSTERS, from + (end - cluster));
      if (to - from == PAGE_CLUSTERS) {
        pages[page] = ALL;
      } else if (pages[page] != ALL) {
        if (pages[page] == NONE) {
          pages[page] = new long[PAGE_WORDS];
        }
        setBits(pages[page], from, to);
      }
      cluster += to - from;
    }
  }

  private static void setBits(long[] page, int from, int to) {
    for (int word = from / 64; word <= (to - 1) / 64; word++) {
      int low = Math.max(from - word * 64, 0);
      int high = Math.min(to - word * 64, 64);
      page[word] |= (high == 64 ? -1L : (1L << high) - 1) & -1L << low;
    }
  }

  /** Size of the disk in bytes. */
  public long sizeBytes() {
    return sizeBytes;
  }

  /** Bytes in data clusters: what has to be read. */
  public long dataBytes() {
    long count = 0;
    for (long[] page : data) {
      for (long word : page) {
        count += Long.bitCount(word);
      }
    }
    // ALL also sets bits behind the last cluster of the last page; the last cluster may be short.
    count -= bitsBehindEnd();
    long tail = clusters * CLUSTER_BYTES - sizeBytes;
    return count * CLUSTER_BYTES
        - (clusters > 0 && kind(clusters - 1) == ExtentKind.DATA ? tail : 0);
  }

  /** Data bytes in front of a cluster aligned offset. */
  public long dataBytesBefore(long offset) {
    long bytes = 0;
    long at = 0;
    Optional<Run> run = next(at, Long.MAX_VALUE);
    while (run.isPresent() && run.get().range().offset() < offset) {
      ByteRange range = run.get().range();
      if (run.get().kind() == ExtentKind.DATA) {
        bytes += Math.min(range.end(), offset) - range.offset();
      }
      at = range.end();
      run = next(at, Long.MAX_VALUE);
    }
    return bytes;
  }

  private long bitsBehindEnd() {
    long behind = 0;
    if (data.length > 0 && data[data.length - 1] == ALL) {
      behind = (long) data.length * PAGE_CLUSTERS - clusters;
    }
    return behind;
  }

  /**
   * The first run at or behind a byte offset; none behind the disk's end.
   *
   * @param dataLengthMax a data run is cut at this many bytes, at least a cluster; a zero run never
   */
  public Optional<Run> next(long offset, long dataLengthMax) {
    long cluster = skipUnset(Math.ceilDiv(offset, CLUSTER_BYTES));
    if (cluster >= clusters) {
      return Optional.empty();
    }
    ExtentKind kind = kindOf(cluster);
    long limit =
        kind == ExtentKind.DATA
            ? Math.min(clusters, cluster + Math.max(1, dataLengthMax / CLUSTER_BYTES))
            : clusters;
    long end = cluster + 1;
    while (end < limit && kind(end) == kind) {
      end++;
    }
    long start = cluster * CLUSTER_BYTES;
    long length = Math.min(end * CLUSTER_BYTES, sizeBytes) - start;
    return Optional.of(new Run(new ByteRange(start, length), kind));
  }

  private long skipUnset(long from) {
    long cluster = from;
    while (cluster < clusters) {
      int page = (int) (cluster / PAGE_CLUSTERS);
      if (data[page] == NONE && zero[page] == NONE) {
        cluster = (page + 1L) * PAGE_CLUSTERS;
        continue;
      }
      int bit = (int) (cluster % PAGE_CLUSTERS);
      long word = (data[page][bit / 64] | zero[page][bit / 64]) >>> (bit % 64);
      if (word != 0) {
        return cluster + Long.numberOfTrailingZeros(word);
      }
      cluster = cluster - bit % 64 + 64;
    }
    return clusters;
  }

  /** The kind of a cluster, null when it is not stored. */
  private @Nullable ExtentKind kind(long cluster) {
    int page = (int) (cluster / PAGE_CLUSTERS);
    int bit = (int) (cluster % PAGE_CLUSTERS);
    long mask = 1L << (bit % 64);
    if ((data[page][bit / 64] & mask) != 0) {
      return ExtentKind.DATA;
    }
    return (zero[page][bit / 64] & mask) != 0 ? ExtentKind.ZERO : null;
  }

  private ExtentKind kindOf(long cluster) {
    ExtentKind kind = kind(cluster);
    if (kind == null) {
      throw new IllegalStateException("cluster " + cluster + " is not in the map");
    }
    return kind;
  }

  /**
   * Keeps of the zero clusters only those where another map has data: zeros over zeros need no
   * storing.
   */
  public void dropZerosOutside(ClusterMap base) {
    for (int page = 0; page < zero.length; page++) {
      if (zero[page] == NONE) {
        continue;
      }
      long[] other = page < base.data.length ? base.data[page] : NONE;
      long[] kept = new long[PAGE_WORDS];
      for (int word = 0; word < PAGE_WORDS; word++) {
        kept[word] = zero[page][word] & other[word];
      }
      zero[page] = kept;
    }
  }

  /** Forgets every cluster that another map has, as data or zeros. */
  void forget(ClusterMap other) {
    for (int page = 0; page < Math.min(data.length, other.data.length); page++) {
      data[page] = without(data[page], other.data[page], other.zero[page]);
      zero[page] = without(zero[page], other.data[page], other.zero[page]);
    }
  }

  private static long[] without(long[] page, long[] one, long[] other) {
    long[] kept = new long[PAGE_WORDS];
    for (int word = 0; word < PAGE_WORDS; word++) {
      kept[word] = page[word] & ~(one[word] | other[word]);
    }
    return kept;
  }

  /** Forgets the zero clusters: in a standalone image what is not stored reads as zeros. */
  public void dropZeros() {
    Arrays.fill(zero, NONE);
  }
}
