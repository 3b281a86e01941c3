package dev.backstep.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** Reads the fields of a header in order; every length is bounded before it is used. */
record HeaderParser(Path image, ByteBuffer head, long fileBytes) {

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
    Optional<String> backingFile = backingFile(clusterBits);
    HeaderExtensions extensions = extensions(headerBytes, clusterBits);
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
        backingFile,
        extensions.backingFormat(),
        head.getInt(60),
        head.getLong(64),
        keepsBitmaps(version) ? extensions.bitmaps(image) : Optional.empty());
  }

  /** Another program that wrote to the image without keeping bitmaps up has cleared the bit. */
  private boolean keepsBitmaps(int version) {
    return version > 2 && (head.getLong(88) & Qcow2Constants.AUTOCLEAR_BITMAPS) != 0;
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

  private HeaderExtensions extensions(int headerBytes, int clusterBits)
      throws Qcow2FormatException {
    long backing = head.getLong(8);
    long end = Math.min(head.limit(), backing > 0 ? backing : 1L << clusterBits);
    return HeaderExtensions.parse(image, head, headerBytes, end);
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
