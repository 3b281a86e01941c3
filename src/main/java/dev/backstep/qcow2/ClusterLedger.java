package dev.backstep.qcow2;

/**
 * Enters every reference to a host cluster, and finds those that point out of the file, between
 * clusters or to metadata. Used by one thread.
 */
final class ClusterLedger {

  private final Findings findings;
  private final ReferenceCounts counts;
  private final int clusterBits;
  private final long fileBytes;

  ClusterLedger(Findings findings, ReferenceCounts counts, int clusterBits, long fileBytes) {
    this.findings = findings;
    this.counts = counts;
    this.clusterBits = clusterBits;
    this.fileBytes = fileBytes;
  }

  /**
   * Enters a table that nothing else may share.
   *
   * @param at place of the reference to it
   * @param what its name
   * @return whether it begins in the file, so that there is something to read
   */
  boolean table(long at, String what, long offset, long length) {
    return enter(at, what, offset, length, false);
  }

  /** As {@link #table}, of one that another L1 table may refer to, too. */
  boolean sharedTable(long at, String what, long offset, long length) {
    return enter(at, what, offset, length, true);
  }

  private boolean enter(long at, String what, long offset, long length, boolean shared) {
    if (!isAligned(at, what, offset) || !begins(at, what, offset)) {
      return false;
    }
    if (length > fileBytes - offset) {
      findings.corruption(
          at,
          what + " at byte " + offset + " of " + length + " bytes",
          "to end in the file of " + fileBytes + " bytes",
          "the file is truncated and what the table's end said is lost");
    }
    boolean overlaps = false;
    long end = Math.min(counts.clusters(), Math.ceilDiv(offset + length, 1L << clusterBits));
    for (long cluster = offset >>> clusterBits; cluster < end; cluster++) {
      boolean metadata = counts.isMetadata(cluster);
      overlaps |= counts.count(cluster) > 0 && !(metadata && shared);
      counts.add(cluster, true);
    }
    if (overlaps) {
      findings.corruption(
          at,
          what + " at byte " + offset + ", which is in use for something else",
          "clusters of its own",
          "one of the two overwrites the other");
    }
    return true;
  }

  /**
   * Enters a cluster of data. If it lies between clusters, both are in use until somebody has
   * looked: neither is a leak.
   */
  void data(long at, long offset) {
    if (!begins(at, "a data cluster", offset)) {
      return;
    }
    boolean aligned = isAligned(at, "a data cluster", offset);
    long cluster = offset >>> clusterBits;
    refer(at, cluster);
    if (!aligned && cluster + 1 < counts.clusters()) {
      refer(at, cluster + 1);
    }
  }

  /** Enters a compressed cluster, which may end in the cluster behind that of its begin. */
  void compressed(long at, CompressedRun run) {
    if (!begins(at, "compressed data", run.host())) {
      return;
    }
    long last = run.host() + run.length() - 1 >>> clusterBits;
    if (last >= counts.clusters()) {
      findings.corruption(
          at,
          "compressed data at byte " + run.host() + " of up to " + run.length() + " bytes",
          "to end in the file of " + fileBytes + " bytes",
          "the file is truncated and this cluster cannot be read");
    }
    for (long cluster = run.host() >>> clusterBits;
        cluster <= Math.min(last, counts.clusters() - 1);
        cluster++) {
      refer(at, cluster);
    }
  }

  private void refer(long at, long cluster) {
    if (counts.isMetadata(cluster)) {
      findings.corruption(
          at,
          "data at byte " + (cluster << clusterBits) + ", where a table lies",
          "a cluster without metadata",
          "a write of the guest would destroy the table");
    }
    counts.add(cluster, false);
  }

  private boolean isAligned(long at, String what, long offset) {
    if ((offset & (1L << clusterBits) - 1) == 0) {
      return true;
    }
    findings.corruption(
        at,
        what + " at byte " + offset,
        "a multiple of the cluster size " + (1L << clusterBits),
        "the entry is damaged and what it refers to is lost");
    return false;
  }

  private boolean begins(long at, String what, long offset) {
    if (offset >= 0 && offset >>> clusterBits < counts.clusters()) {
      return true;
    }
    findings.corruption(
        at,
        what + " at byte " + Long.toUnsignedString(offset),
        "to lie in the file of " + fileBytes + " bytes",
        "the file is truncated or the entry is damaged, and the data is lost");
    return false;
  }
}
