package dev.backstep.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * An image of a disk without data that keeps one persistent dirty bitmap, in which the disk's last
 * granule is dirty and no other (specification: "Bitmaps"). Other images get that bitmap by
 * merging; nobody writes to this one. Version 3, clusters of 64 KiB, refcounts of 16 bits.
 *
 * <pre>
 * cluster  what is there
 *       0  header, with the bitmaps extension
 *       1  refcount table
 *       2  refcount block
 *       3  bitmap directory
 *       4  bitmap table
 *       5  the bits of the disk's end
 *       6  L1 table, as long as the disk needs it
 * </pre>
 */
public final class BitmapImage {

  private static final int CLUSTER_BITS = 16;
  private static final int CLUSTER_BYTES = 1 << CLUSTER_BITS;
  private static final int REFCOUNT_TABLE = 1;
  private static final int REFCOUNT_BLOCK = 2;
  private static final int DIRECTORY = 3;
  private static final int TABLE = 4;
  private static final int BITS = 5;
  private static final int L1 = 6;

  /** Bytes of a disk that an L1 entry covers. */
  private static final long L1_ENTRY_COVERS = (long) CLUSTER_BYTES * (CLUSTER_BYTES / Long.BYTES);

  /** Type of a bitmap that tracks what is dirty. */
  private static final byte DIRTY_TRACKING = 1;

  private static final int GRANULARITY_MIN = 512;
  private static final int NAME_LENGTH_MAX = 1023;

  private BitmapImage() {}

  /**
   * The largest disk with granules of a size: 256 TiB with those of 64 KiB, where QEMU's own
   * bitmaps end, too.
   */
  public static long sizeBytesMax(int granularity) {
    return (long) CLUSTER_BYTES * Byte.SIZE * granularity * (CLUSTER_BYTES / Long.BYTES);
  }

  /**
   * The file's content: at most 4.4 MiB with granules of 64 KiB.
   *
   * @param sizeBytes the disk's size, 512 or a multiple of it, up to {@link #sizeBytesMax}
   * @param bitmap its name, of ASCII characters, 1 to 1023
   * @param granularity bytes of a granule, a power of two from 512 to 2<sup>30</sup>
   * @throws IllegalArgumentException when one of them is not as said
   */
  public static byte[] withDirtyEnd(long sizeBytes, String bitmap, int granularity) {
    if (sizeBytes <= 0
        || sizeBytes % Qcow2Constants.SECTOR_BYTES != 0
        || granularity < GRANULARITY_MIN
        || Integer.bitCount(granularity) != 1
        || sizeBytes > sizeBytesMax(granularity)
        || bitmap.isEmpty()
        || bitmap.length() > NAME_LENGTH_MAX
        || !StandardCharsets.US_ASCII.newEncoder().canEncode(bitmap)) {
      throw new IllegalArgumentException(
          "bitmap " + bitmap + " with granules of " + granularity + " for " + sizeBytes + " bytes");
    }
    int granularityBits = Integer.numberOfTrailingZeros(granularity);
    int tableEntries =
        (int) Math.ceilDiv(sizeBytes, (long) CLUSTER_BYTES * Byte.SIZE << granularityBits);
    int l1Entries = (int) Math.ceilDiv(sizeBytes, L1_ENTRY_COVERS);
    int clusters = L1 + Math.ceilDiv(l1Entries * Long.BYTES, CLUSTER_BYTES);
    ByteBuffer image = ByteBuffer.allocate(clusters * CLUSTER_BYTES);

    byte[] entry = directoryEntry(bitmap, tableEntries, granularityBits);
    header(image, sizeBytes, l1Entries, entry.length);
    image.putLong(at(REFCOUNT_TABLE), at(REFCOUNT_BLOCK));
    for (int cluster = 0; cluster < clusters; cluster++) {
      image.putShort(at(REFCOUNT_BLOCK) + cluster * Short.BYTES, (short) 1);
    }
    image.put(at(DIRECTORY), entry);
    image.putLong(at(TABLE) + (tableEntries - 1) * Long.BYTES, at(BITS));
    long lastGranule = sizeBytes - 1 >> granularityBits;
    int bit = (int) (lastGranule % (CLUSTER_BYTES * Byte.SIZE));
    image.put(at(BITS) + bit / Byte.SIZE, (byte) (1 << bit % Byte.SIZE));
    return image.array();
  }

  private static int at(int cluster) {
    return cluster * CLUSTER_BYTES;
  }

  private static void header(ByteBuffer image, long sizeBytes, int l1Entries, int directoryBytes) {
    image.putInt(Qcow2Constants.MAGIC).putInt(3);
    image.putLong(0).putInt(0);
    image.putInt(CLUSTER_BITS).putLong(sizeBytes).putInt(0);
    image.putInt(l1Entries).putLong(at(L1));
    image.putLong(at(REFCOUNT_TABLE)).putInt(1);
    image.putInt(0).putLong(0);
    image.putLong(0).putLong(0).putLong(Qcow2Constants.AUTOCLEAR_BITMAPS);
    image.putInt(4).putInt(Qcow2Constants.HEADER_BYTES_V3);
    image.putInt(Qcow2Constants.EXTENSION_BITMAPS).putInt(BitmapsExtension.BYTES);
    image.putInt(1).putInt(0).putLong(directoryBytes).putLong(at(DIRECTORY));
    image.putInt(Qcow2Constants.EXTENSION_END).putInt(0);
  }

  private static byte[] directoryEntry(String bitmap, int tableEntries, int granularityBits) {
    byte[] name = bitmap.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer entry = ByteBuffer.allocate(24 + name.length + 7 & ~7);
    entry.putLong(at(TABLE)).putInt(tableEntries).putInt(0);
    entry.put(DIRTY_TRACKING).put((byte) granularityBits).putShort((short) name.length);
    entry.putInt(0).put(name);
    return entry.array();
  }
}
