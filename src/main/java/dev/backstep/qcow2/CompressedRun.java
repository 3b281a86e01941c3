package dev.backstep.qcow2;

/**
 * Where a compressed cluster lies in the file (specification: "Compressed Clusters Descriptor").
 * The descriptor counts whole sectors, so a run that was read from one may end behind its data.
 *
 * @param host first byte, of any alignment
 * @param length in bytes, at least 1
 */
record CompressedRun(long host, int length) {

  static CompressedRun of(long entry, int clusterBits) {
    int sizeShift = sizeShift(clusterBits);
    long host = entry & (1L << sizeShift) - 1;
    long more = (entry & ~(Qcow2Constants.COMPRESSED | Qcow2Constants.COPIED)) >>> sizeShift;
    long end = (host / Qcow2Constants.SECTOR_BYTES + more + 1) * Qcow2Constants.SECTOR_BYTES;
    return new CompressedRun(host, (int) (end - host));
  }

  /** The L2 entry: offset, and how many sectors behind the first one the data reaches. */
  long entry(int clusterBits) {
    long first = host / Qcow2Constants.SECTOR_BYTES;
    long last = (host + length - 1) / Qcow2Constants.SECTOR_BYTES;
    return Qcow2Constants.COMPRESSED | last - first << sizeShift(clusterBits) | host;
  }

  private static int sizeShift(int clusterBits) {
    return 62 - (clusterBits - 8);
  }
}
