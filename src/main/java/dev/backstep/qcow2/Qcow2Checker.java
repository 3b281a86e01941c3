package dev.backstep.qcow2;

import dev.backstep.blockio.ReadOnlyFile;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Checks the structure of one image, without the images under it and without reading data: whether
 * tables and entries point to where they may, whether each cluster's refcount is the number of
 * references to it, and whether the flag COPIED stands where it must. Persistent bitmaps and
 * internal snapshots are counted; what extensions that are not known refer to is not, and is
 * reported as leaks. Compressed data is not unpacked.
 *
 * <p>Says of an image what {@code qemu-img check} says, and is stricter in this: tables may not
 * share a cluster, with data or each other, even if its refcount says so, and may not be cut short
 * by the file's end. As with QEMU, refcounts of clusters behind the file's end are not looked at if
 * nothing refers to them.
 *
 * <p>Memory: the L1 table, an L2 table or a refcount block, and two bits for each cluster of the
 * file, 16 MiB for 4 TiB in clusters of 64 KiB; eight bits where clusters are shared by compressed
 * data or internal snapshots, 32 where by more than 127.
 */
public final class Qcow2Checker {

  private final Path image;
  private final TableFile tables;
  private final Qcow2Header header;
  private final Findings findings = new Findings();
  private final ReferenceCounts counts;
  private final ClusterLedger ledger;
  private long endBytes;

  private Qcow2Checker(Path image, ReadOnlyFile file, Qcow2Header header) throws IOException {
    this.image = image;
    this.tables = new TableFile(file, file.sizeBytes());
    this.header = header;
    long clusters = Math.ceilDiv(tables.sizeBytes(), header.clusterBytes());
    if (clusters > Integer.MAX_VALUE) {
      throw new Qcow2FormatException(
          image,
          20,
          "a file of "
              + clusters
              + " clusters, expected up to "
              + Integer.MAX_VALUE
              + "; larger clusters are needed for a file of this size");
    }
    this.counts = new ReferenceCounts(clusters);
    this.ledger = new ClusterLedger(findings, counts, header.clusterBits(), tables.sizeBytes());
  }

  /**
   * Checks an image that nobody writes to meanwhile. Goes on after each finding.
   *
   * @throws Qcow2FormatException when its header does not lead to tables that could be checked: it
   *     is no QCOW2 image, is marked corrupt, has features that are not supported, its L1 table is
   *     too small for the disk or not in the file, or its refcount table too large
   * @throws IOException when the file cannot be read
   */
  public static CheckResult check(Path image) throws IOException {
    try (ReadOnlyFile file = ReadOnlyFile.open(image)) {
      return new Qcow2Checker(image, file, Qcow2Header.read(image, file)).run();
    }
  }

  private CheckResult run() throws IOException {
    ledger.table(0, "the header", 0, Math.min(header.clusterBytes(), tables.sizeBytes()));
    StoredRefcounts stored = StoredRefcounts.open(image, tables, header, ledger, findings);
    MappingCheck mapping = new MappingCheck(tables, header, ledger, findings);
    if (header.l1Entries() > 0) {
      ledger.table(40, "the L1 table", header.l1Offset(), header.l1Entries() * 8L);
    }
    long[] l1 = tables.readEntries(header.l1Offset(), header.l1Entries());
    long[] l2Offsets = mapping.enterTables(header.l1Offset(), l1, false);
    mapping.enterClusters(l2Offsets);
    long allocated = mapping.allocated();
    long compressed = mapping.compressed();
    new SnapshotTable(tables, header, ledger, findings).enter(mapping);
    if (header.bitmaps().isPresent()) {
      new BitmapDirectory(tables, header, ledger, findings).enter(header.bitmaps().get());
    }
    stored.compare(counts, this::compare);
    mapping.checkCopied(header.l1Offset(), l1, l2Offsets, counts);
    return new CheckResult(
        image,
        header,
        findings.kept(),
        findings.corruptions(),
        findings.leaks(),
        allocated,
        compressed,
        endBytes);
  }

  /** Leaves in the counts whether the stored refcount is 1: the flag COPIED goes by that. */
  private void compare(long cluster, long stored) {
    int counted = counts.count(cluster);
    if (stored != 0 || counted != 0) {
      endBytes = cluster + 1 << header.clusterBits();
    }
    if (stored == counted) {
      return;
    }
    long offset = cluster << header.clusterBits();
    String found = "refcount " + Long.toUnsignedString(stored);
    String expected = counted + ", as many as refer to the cluster";
    if (Long.compareUnsigned(stored, counted) > 0) {
      findings.leak(offset, found, expected, "the cluster's room is not used again");
    } else {
      findings.corruption(
          offset, found, expected, "the cluster may be given away and overwritten while in use");
    }
    if (counted == 1 || stored == 1) {
      counts.replace(cluster, stored == 1 ? 1 : 0);
    }
  }
}
