package dev.backstep.qcow2;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import java.util.Optional;

/**
 * What image to write.
 *
 * @param sizeBytes the disk's size; the image's virtual size is this rounded up to 512
 * @param backingFile name of the backing file as it shall stand in the image, a QCOW2 image; empty
 *     for a standalone image
 * @param clusterBits 9 to 21; at least 16 with compression
 * @param compressionLevel zstd level; without meaning when compression is NONE
 */
public record Qcow2Spec(
    long sizeBytes,
    Optional<String> backingFile,
    int clusterBits,
    Compression compression,
    int compressionLevel) {

  private static final int VERSION = 3;

  /** Refcounts of 16 bits. */
  private static final int REFCOUNT_ORDER = 4;

  public Qcow2Spec {
    if (sizeBytes < 0
        || clusterBits < Qcow2Constants.CLUSTER_BITS_MIN
        || clusterBits > Qcow2Constants.CLUSTER_BITS_MAX
        || (compression == Compression.ZSTD && clusterBits < 16)) {
      throw new IllegalArgumentException(
          sizeBytes + " bytes in clusters of " + clusterBits + " bits with " + compression);
    }
    long l1Bytes = Math.ceilDiv(sizeBytes, 1L << (2 * clusterBits - 3)) * 8;
    if (l1Bytes > Qcow2Constants.L1_BYTES_MAX) {
      throw new IllegalArgumentException(
          sizeBytes + " bytes need larger clusters than " + (1 << clusterBits) + " bytes");
    }
  }

  int l1Entries() {
    return (int) Math.ceilDiv(sizeBytes, 1L << (2 * clusterBits - 3));
  }

  /**
   * @throws IllegalArgumentException unless a range is made of whole clusters, but for the disk's
   *     end, and lies behind a position and inside the disk
   */
  void requireBehind(long position, ByteRange range) {
    int clusterBytes = 1 << clusterBits;
    boolean aligned =
        range.offset() % clusterBytes == 0
            && (range.length() % clusterBytes == 0 || range.end() == sizeBytes);
    if (range.offset() < position || range.end() > sizeBytes || !aligned) {
      throw new IllegalArgumentException(
          "write of "
              + range
              + ": expected whole clusters behind byte "
              + position
              + " inside the disk of "
              + sizeBytes);
    }
  }

  Qcow2Header header(long l1Offset, RefcountTable refcounts) {
    long sectors = Math.ceilDiv(sizeBytes, Qcow2Constants.SECTOR_BYTES);
    return new Qcow2Header(
        VERSION,
        clusterBits,
        sectors * Qcow2Constants.SECTOR_BYTES,
        l1Entries(),
        l1Offset,
        refcounts.tableOffset(),
        refcounts.tableClusters(),
        REFCOUNT_ORDER,
        compression == Compression.ZSTD
            ? Qcow2Constants.COMPRESSION_ZSTD
            : Qcow2Constants.COMPRESSION_DEFLATE,
        false,
        backingFile,
        backingFile.map(name -> "qcow2"),
        0,
        0,
        Optional.empty());
  }
}
