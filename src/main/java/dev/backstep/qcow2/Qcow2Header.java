package dev.backstep.qcow2;

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
 * @param snapshots how many internal snapshots there are
 * @param bitmaps from its header extension; empty when the image says that they are not kept up
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
    Optional<String> backingFormat,
    int snapshots,
    long snapshotsOffset,
    Optional<BitmapsExtension> bitmaps) {

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
  public static Qcow2Header read(Path image) throws IOException {
    try (ReadOnlyFile file = ReadOnlyFile.open(image)) {
      return read(image, file);
    }
  }

  /** As {@link #read(Path)}, from an image that is open. */
  static Qcow2Header read(Path image, ReadOnlyFile file) throws IOException {
    long fileBytes = file.sizeBytes();
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(HEAD_BYTES_MAX, fileBytes));
    while (head.hasRemaining() && file.read(head, head.position()) >= 0) {}
    head.flip();
    return new HeaderParser(image, head, fileBytes).parse();
  }

  /**
   * Writes this header, version 3, at the front of a file.
   *
   * @throws IllegalArgumentException when header and backing name do not fit in the first cluster
   */
  void write(ImageOutput output) throws IOException {
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
    output.write(head, 0);
  }
}
