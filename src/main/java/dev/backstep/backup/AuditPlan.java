package dev.backstep.backup;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.CbtAuditDefinition;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * Which clusters an audit of change tracking reads: a random sample and the next part of a round
 * over the disk, both of the clusters that the backup does not copy anyway.
 *
 * @param clusters what to read and compare
 * @param position the byte at which the next audit's part of the round begins, cluster aligned
 */
record AuditPlan(ClusterMap clusters, long position) {

  private static final long CLUSTER = ClusterMap.CLUSTER_BYTES;

  /**
   * @param unchanged the clusters to choose from, as data
   * @param position where the part of the round begins, cluster aligned
   * @param since what has passed since the disk's last backup: the part is as large a share of the
   *     disk as this is of {@link CbtAuditDefinition#allWithin}
   * @param seed of the sample; the same one picks the same clusters
   */
  static AuditPlan of(
      ClusterMap unchanged, CbtAuditDefinition audit, long position, Duration since, long seed) {
    long size = unchanged.sizeBytes();
    long end = Math.ceilDiv(size, CLUSTER) * CLUSTER;
    long from = position < size ? position : 0;
    long length = partBytes(end, audit.allWithin(), since);
    long behind = Math.max(0, from + length - end);
    List<ByteRange> part = List.of(new ByteRange(0, behind), new ByteRange(from, length - behind));
    TreeSet<Long> sample = sample(unchanged, audit.sample(), seed);
    ClusterMap clusters = new ClusterMap(size);
    long index = 0;
    long at = 0;
    while (true) {
      var next = unchanged.next(at, Long.MAX_VALUE);
      if (next.isEmpty()) {
        break;
      }
      ByteRange run = next.get().range();
      long count = Math.ceilDiv(run.length(), CLUSTER);
      for (long picked : sample.subSet(index, index + count)) {
        long offset = run.offset() + (picked - index) * CLUSTER;
        clusters.data(new ByteRange(offset, Math.min(CLUSTER, run.end() - offset)));
      }
      for (ByteRange piece : part) {
        long start = Math.max(piece.offset(), run.offset());
        long stop = Math.min(piece.end(), run.end());
        if (start < stop) {
          clusters.data(new ByteRange(start, stop - start));
        }
      }
      index += count;
      at = run.end();
    }
    return new AuditPlan(clusters, end == 0 ? 0 : (from + length) % end);
  }

  private static long partBytes(long size, Duration allWithin, Duration since) {
    if (allWithin.isZero() || since.isNegative()) {
      return 0;
    }
    double share = Math.min(1.0, (double) since.toMillis() / allWithin.toMillis());
    long clusters = (long) Math.ceil(share * size / CLUSTER);
    return Math.min(size, clusters * CLUSTER);
  }

  /** Distinct numbers of clusters, each set of them as likely as any other (Floyd's method). */
  private static TreeSet<Long> sample(ClusterMap unchanged, int count, long seed) {
    long clusters = Math.ceilDiv(unchanged.dataBytes(), CLUSTER);
    SplittableRandom random = new SplittableRandom(seed);
    TreeSet<Long> sample = new TreeSet<>();
    for (long top = Math.max(0, clusters - count); top < clusters; top++) {
      long picked = random.nextLong(top + 1);
      sample.add(sample.contains(picked) ? top : picked);
    }
    return sample;
  }
}
