package dev.backstep.qcow2;

/**
 * Numbers of the QCOW2 format, from the QEMU project's {@code docs/interop/qcow2.txt}. All integers
 * in an image are big endian.
 */
final class Qcow2Constants {

  /** "QFI" and 0xfb; header bytes 0 to 3. */
  static final int MAGIC = 0x514649fb;

  static final int CLUSTER_BITS_MIN = 9;
  static final int CLUSTER_BITS_MAX = 21;

  /** Header length of version 2, which has no length field. */
  static final int HEADER_BYTES_V2 = 72;

  /** Header length of version 3 without the compression type. */
  static final int HEADER_BYTES_V3 = 104;

  /** The L1 table of a 2 EiB disk at the smallest sensible cluster; what QEMU allows, too. */
  static final long L1_BYTES_MAX = 32L << 20;

  /** The refcount table; what QEMU allows, too. */
  static final long REFCOUNT_TABLE_BYTES_MAX = 8L << 20;

  /** Internal snapshots, and bitmaps, of an image; what QEMU allows, too. */
  static final int SNAPSHOTS_MAX = 65536;

  static final int BITMAPS_MAX = 65535;

  /** Longest backing file name, in bytes. */
  static final int BACKING_NAME_BYTES_MAX = 1023;

  // incompatible features, header bytes 72 to 79
  static final long INCOMPATIBLE_DIRTY = 1L;
  static final long INCOMPATIBLE_CORRUPT = 1L << 1;
  static final long INCOMPATIBLE_DATA_FILE = 1L << 2;
  static final long INCOMPATIBLE_COMPRESSION_TYPE = 1L << 3;
  static final long INCOMPATIBLE_EXTENDED_L2 = 1L << 4;

  /** Autoclear feature, header bytes 88 to 95: the bitmaps extension is valid. */
  static final long AUTOCLEAR_BITMAPS = 1L;

  // header extensions
  static final int EXTENSION_END = 0;
  static final int EXTENSION_BACKING_FORMAT = 0xe2792aca;
  static final int EXTENSION_BITMAPS = 0x23852875;

  // L1 and L2 entries
  static final long OFFSET_MASK = 0x00fffffffffffe00L;
  static final long COPIED = 1L << 63;
  static final long COMPRESSED = 1L << 62;

  /** In an L2 entry of version 3: the cluster reads as zeros. */
  static final long ZERO = 1L;

  /** Reserved bits of a standard L2 entry: 1 to 8 and 56 to 61. */
  static final long L2_RESERVED = 0x3f000000000001feL;

  /** Reserved bits of an L1 entry: 0 to 8 and 56 to 62. */
  static final long L1_RESERVED = 0x7f000000000001ffL;

  /** Reserved bits of a refcount table entry: 0 to 8. */
  static final long REFCOUNT_TABLE_RESERVED = 0x1ff;

  static final int SECTOR_BYTES = 512;

  /** Compression types, header byte 104. */
  static final int COMPRESSION_DEFLATE = 0;

  static final int COMPRESSION_ZSTD = 1;

  private Qcow2Constants() {}
}
