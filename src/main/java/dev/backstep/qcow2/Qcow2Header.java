package dev.backstep.qcow2;

import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.ReadOnlyFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The header of an image (specification: "Header").
 *
 * <pre>
 * byte  size  meaning (big endian)
 *    0     4  magic
 *    4     4  version, 2 or 3
 *    8     8  backing file name: offset, 0 for none
 *   16     4  backing file name: length
 *   20     4  cluster bits
 *   24     8  virtual size in bytes
 *   32     4  encryption method, 0 for none
 *   36     4  L1 table: entries
 *   40     8  L1 table: offset
 *   48     8  refcount table: offset
 *   56     4  refcount table: clusters
 *   60     4  internal snapshots
 *   64     8  snapshot table: offset
 *   72     8  incompatible features     (version 3 from here on)
 *   80     8  compatible features
 *   88     8  autoclear features
 *   96     4  refcount order
 *  100     4  header length
 *  104     1  compression type
 * </pre>
 *
 * @param backingFile name as it stands in the image
 * @param backingFormat from its header extension
 */
public record Qcow2Header(
    int version,
    int clusterBits,
    long virtualSize,
    int l1Entries,
    long l1Offset,
    long refcountTableOffset,
    int refcountTableClusters,
    int refcountOrder,
    int compressionType,
    boolean extendedL2,
    Optional<String> backingFile,
    Optional<String> backingFormat) {

  /** Bytes of the file that a header with its extensions and backing name may take. */
  private static final int HEAD_BYTES_MAX = 64 << 10;

  public int clusterBytes() {
    return 1 << clusterBits;
  }

  /** L2 entries in a table; entries are 8 bytes, 16 with extended L2. */
  public int l2Entries() {
    return clusterBytes() / (extendedL2 ? 16 : 8);
  }

  /**
   * Reads and checks the header of an image.
   *
   * @throws Qcow2FormatException when it is no QCOW2 image, is damaged, or needs what is not
   *     supported
   */
  static Qcow2Header read(Path image, ReadOnlyFile file) throws IOException {
    long fileBytes = file.sizeBytes();
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(HEAD_BYTES_MAX, fileBytes));
    while (head.hasRemaining() && file.read(head, head.position()) >= 0) {}
    head.flip();
    return new Parser(image, head, fileBytes).parse();
  }

  /** Reads the fields in order; every length is bounded before it is used. */
  private record Parser(Path image, ByteBuffer head, long fileBytes) {

    Qcow2Header parse() throws Qcow2FormatException {
      if (head.limit() < 4 || head.getInt(0) != Qcow2Constants.MAGIC) {
        throw bad(0, "no QCOW2 magic; this is not a QCOW2 image");
      }
      need(8);
      int version = head.getInt(4);
      if (version != 2 && version != 3) {
        throw bad(
            4,
            "version "
                + unsigned(version)
                + ", expected 2 or 3; the image is newer than this release supports, or damaged");
      }
      need(version == 2 ? Qcow2Constants.HEADER_BYTES_V2 : Qcow2Constants.HEADER_BYTES_V3);
      int clusterBits = head.getInt(20);
      if (clusterBits < Qcow2Constants.CLUSTER_BITS_MIN
          || clusterBits > Qcow2Constants.CLUSTER_BITS_MAX) {
        throw bad(20, "cluster bits " + unsigned(clusterBits) + ", expected 9 to 21");
      }
      if (head.getInt(32) != 0) {
        throw bad(
            32,
            "encryption method "
                + unsigned(head.getInt(32))
                + "; encrypted images are not supported");
      }
      long features = version == 2 ? 0 : head.getLong(72);
      checkFeatures(features);
      int headerBytes = version == 2 ? Qcow2Constants.HEADER_BYTES_V2 : head.getInt(100);
      if (version == 3
          && (headerBytes < Qcow2Constants.HEADER_BYTES_V3
              || headerBytes % 8 != 0
              || headerBytes > head.limit()
              || headerBytes > 1 << clusterBits)) {
        throw bad(
            100,
            "header length "
                + unsigned(headerBytes)
                + ", expected a multiple of 8 from 104 to the cluster's end");
      }
      int refcountOrder = version == 2 ? 4 : head.getInt(96);
      if (refcountOrder < 0 || refcountOrder > 6) {
        throw bad(96, "refcount order " + unsigned(refcountOrder) + ", expected 0 to 6");
      }
      boolean extendedL2 = (features & Qcow2Constants.INCOMPATIBLE_EXTENDED_L2) != 0;
      if (extendedL2) {
        throw bad(
            72,
            "extended L2 entries (subclusters) are not supported; `qemu-img convert` writes an"
                + " image without them");
      }
      long virtualSize = head.getLong(24);
      int l1Entries = head.getInt(36);
      long l1Offset = head.getLong(40);
      checkL1(virtualSize, clusterBits, l1Entries, l1Offset);
      return new Qcow2Header(
          version,
          clusterBits,
          virtualSize,
          l1Entries,
          l1Offset,
          head.getLong(48),
          head.getInt(56),
          refcountOrder,
          compressionType(features, headerBytes),
          extendedL2,
          backingFile(clusterBits),
          backingFormat(headerBytes, clusterBits));
    }

    private void checkFeatures(long features) throws Qcow2FormatException {
      long known =
          Qcow2Constants.INCOMPATIBLE_DIRTY
              | Qcow2Constants.INCOMPATIBLE_CORRUPT
              | Qcow2Constants.INCOMPATIBLE_DATA_FILE
              | Qcow2Constants.INCOMPATIBLE_COMPRESSION_TYPE
              | Qcow2Constants.INCOMPATIBLE_EXTENDED_L2;
      if ((features & ~known) != 0) {
        throw bad(
            72,
            "incompatible features 0x"
                + Long.toHexString(features & ~known)
                + " are not known; the image is newer than this release supports");
      }
      if ((features & Qcow2Constants.INCOMPATIBLE_CORRUPT) != 0) {
        throw bad(72, "the image is marked corrupt; `qemu-img check -r all` may repair it");
      }
      if ((features & Qcow2Constants.INCOMPATIBLE_DATA_FILE) != 0) {
        throw bad(72, "images with an external data file are not supported");
      }
    }

    private void checkL1(long virtualSize, int clusterBits, int l1Entries, long l1Offset)
        throws Qcow2FormatException {
      if (virtualSize < 0) {
        throw bad(24, "virtual size " + virtualSize + ", expected 0 or more");
      }
      long l2Bytes = 1L << (2 * clusterBits - 3);
      long needed = virtualSize / l2Bytes + (virtualSize % l2Bytes == 0 ? 0 : 1);
      if (l1Entries < 0 || l1Entries * 8L > Qcow2Constants.L1_BYTES_MAX || l1Entries < needed) {
        throw bad(
            36,
            "L1 table of "
                + unsigned(l1Entries)
                + " entries, expected "
                + needed
                + " to "
                + Qcow2Constants.L1_BYTES_MAX / 8);
      }
      long clusterMask = (1L << clusterBits) - 1;
      if (l1Entries > 0
          && (l1Offset <= 0
              || (l1Offset & clusterMask) != 0
              || l1Offset > fileBytes - l1Entries * 8L)) {
        throw bad(
            40,
            "L1 table at byte "
                + l1Offset
                + ", expected a cluster inside the file of "
                + fileBytes
                + " bytes");
      }
    }

    private int compressionType(long features, int headerBytes) throws Qcow2FormatException {
      if ((features & Qcow2Constants.INCOMPATIBLE_COMPRESSION_TYPE) == 0) {
        return Qcow2Constants.COMPRESSION_DEFLATE;
      }
      int type = headerBytes > Qcow2Constants.HEADER_BYTES_V3 ? head.get(104) : -1;
      if (type != Qcow2Constants.COMPRESSION_ZSTD) {
        throw bad(104, "compression type " + type + ", expected 1 (zstd)");
      }
      return type;
    }

    private Optional<String> backingFile(int clusterBits) throws Qcow2FormatException {
      long offset = head.getLong(8);
      int length = head.getInt(16);
      if (offset == 0) {
        return Optional.empty();
      }
      if (length < 1
          || length > Qcow2Constants.BACKING_NAME_BYTES_MAX
          || offset < 0
          || offset > Math.min(head.limit(), 1L << clusterBits) - length) {
        throw bad(
            8,
            "backing file name at byte "
                + offset
                + " of "
                + unsigned(length)
                + " bytes, expected up to 1023 bytes inside the first cluster");
      }
      byte[] name = new byte[length];
      head.get((int) offset, name);
      return Optional.of(new String(name, StandardCharsets.UTF_8));
    }

    private Optional<String> backingFormat(int headerBytes, int clusterBits)
        throws Qcow2FormatException {
      long backing = head.getLong(8);
      long end = Math.min(head.limit(), backing > 0 ? backing : 1L << clusterBits);
      long at = headerBytes;
      while (at + 8 <= end) {
        int type = head.getInt((int) at);
        int length = head.getInt((int) at + 4);
        if (type == Qcow2Constants.EXTENSION_END) {
          break;
        }
        if (length < 0 || length > end - at - 8) {
          throw bad(
              at,
              "header extension of " + unsigned(length) + " bytes, but it must end at byte " + end);
        }
        if (type == Qcow2Constants.EXTENSION_BACKING_FORMAT) {
          byte[] format = new byte[length];
          head.get((int) at + 8, format);
          return Optional.of(new String(format, StandardCharsets.US_ASCII));
        }
        at += 8 + (length + 7L & ~7L);
      }
      return Optional.empty();
    }

    private void need(int bytes) throws Qcow2FormatException {
      if (head.limit() < bytes) {
        throw bad(
            head.limit(),
            "the file ends in its header, expected at least " + bytes + " bytes; it is truncated");
      }
    }

    private static String unsigned(int value) {
      return Integer.toUnsignedString(value);
    }

    private Qcow2FormatException bad(long offset, String problem) {
      return new Qcow2FormatException(image, offset, problem);
    }
  }

  /**
   * Writes this header, version 3, at the front of a file.
   *
   * @throws IllegalArgumentException when header and backing name do not fit in the first cluster
   */
  void write(DirectFile file) throws IOException {
    int headerBytes = Qcow2Constants.HEADER_BYTES_V3 + 8;
    ByteBuffer head = ByteBuffer.allocate(clusterBytes());
    byte[] name =
        backingFile.map(text -> text.getBytes(StandardCharsets.UTF_8)).orElse(new byte[0]);
    byte[] format =
        backingFormat.map(text -> text.getBytes(StandardCharsets.US_ASCII)).orElse(new byte[0]);
    int nameOffset = headerBytes + (format.length > 0 ? 8 + (format.length + 7 & ~7) : 0) + 8;
    if (name.length > Qcow2Constants.BACKING_NAME_BYTES_MAX
        || nameOffset + name.length > clusterBytes()) {
      throw new IllegalArgumentException(
          "backing file name of " + name.length + " bytes does not fit in the header's cluster");
    }
    boolean zstd = compressionType == Qcow2Constants.COMPRESSION_ZSTD;
    head.putInt(Qcow2Constants.MAGIC).putInt(3);
    head.putLong(name.length > 0 ? nameOffset : 0).putInt(name.length);
    head.putInt(clusterBits).putLong(virtualSize).putInt(0);
    head.putInt(l1Entries).putLong(l1Offset);
    head.putLong(refcountTableOffset).putInt(refcountTableClusters);
    head.putInt(0).putLong(0);
    head.putLong(zstd ? Qcow2Constants.INCOMPATIBLE_COMPRESSION_TYPE : 0).putLong(0).putLong(0);
    head.putInt(refcountOrder).putInt(headerBytes);
    head.put(104, (byte) compressionType).position(headerBytes);
    if (format.length > 0) {
      head.putInt(Qcow2Constants.EXTENSION_BACKING_FORMAT).putInt(format.length).put(format);
    }
    head.put(nameOffset, name).clear();
    file.write(head, 0);
  }
}
