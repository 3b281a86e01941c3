package dev.backstep.qcow2;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import dev.backstep.blockio.ReadOnlyFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** One image of a chain, without those under it. Thread-safe. */
final class Layer implements Closeable {

  private final Path path;
  private final ReadOnlyFile file;
  private final Qcow2Header header;
  private final long[] l1;
  private final TableCache tables;

  /** What a layer says of a run of clusters. */
  enum Kind {
    /** Bytes lie in this layer's file, one behind the other. */
    DATA,
    /** One cluster lies compressed in this layer's file. */
    COMPRESSED,
    ZERO,
    /** The layer below, or zeros, say what is there. */
    UNALLOCATED
  }

  /**
   * @param host place in the file for DATA, the L2 entry for COMPRESSED
   * @param length bytes of the disk
   */
  record Run(Kind kind, long host, long length) {}

  private Layer(Path path, ReadOnlyFile file, Qcow2Header header, long[] l1, TableCache tables) {
    this.path = path;
    this.file = file;
    this.header = header;
    this.l1 = l1;
    this.tables = tables;
  }

  static Layer open(Path path, ReadOnlyFile file, TableCache tables) throws IOException {
    try {
      Qcow2Header header = Qcow2Header.read(path, file);
      long[] l1 = new long[header.l1Entries()];
      ByteBuffer bytes = ByteBuffer.allocate(l1.length * 8);
      readFully(path, file, bytes, header.l1Offset());
      bytes.flip().asLongBuffer().get(l1);
      return new Layer(path, file, header, l1, tables);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  Path path() {
    return path;
  }

  Qcow2Header header() {
    return header;
  }

  /**
   * The run of one kind that begins at a byte of the disk.
   *
   * @param guest inside this layer's disk
   * @param lengthMax at least 1
   */
  Run map(long guest, long lengthMax) throws IOException {
    int bits = header.clusterBits();
    long clusterBytes = 1L << bits;
    long cluster = guest >>> bits;
    int entries = header.l2Entries();
    int l1Index = (int) (cluster / entries);
    long regionEnd = (l1Index + 1L) * entries << bits;
    long limit = Math.min(lengthMax, Math.min(regionEnd, header.virtualSize()) - guest);
    long tableOffset = tableOffset(l1Index);
    if (tableOffset == 0) {
      return new Run(Kind.UNALLOCATED, 0, limit);
    }
    long[] table = tables.get(this, tableOffset, entries);
    int index = (int) (cluster % entries);
    long inCluster = guest & clusterBytes - 1;
    Kind kind = kind(table[index], tableOffset + index * 8L);
    long host = table[index] & Qcow2Constants.OFFSET_MASK;
    long length = clusterBytes - inCluster;
    if (kind == Kind.COMPRESSED) {
      return new Run(kind, table[index], Math.min(length, limit));
    }
    for (int next = index + 1; next < entries && length < limit; next++) {
      if (kind(table[next], tableOffset + next * 8L) != kind
          || (kind == Kind.DATA
              && (table[next] & Qcow2Constants.OFFSET_MASK)
                  != host + ((long) (next - index) << bits))) {
        break;
      }
      length += clusterBytes;
    }
    return new Run(kind, kind == Kind.DATA ? host + inCluster : 0, Math.min(length, limit));
  }

  /** The L1 table as it is in the file; not to be changed. */
  long[] l1() {
    return l1;
  }

  /** Whether an L2 table is no other image's, too, as the L1 table says. */
  boolean isCopied(int l1Index) {
    return (l1[l1Index] & Qcow2Constants.COPIED) != 0;
  }

  /** An L2 table that is there; not to be changed. */
  long[] table(int l1Index) throws IOException {
    return tables.get(this, tableOffset(l1Index), header.l2Entries());
  }

  /** Place of an L2 table, 0 for none. */
  long tableOffset(int l1Index) throws Qcow2FormatException {
    long entry = l1[l1Index];
    long offset = entry & Qcow2Constants.OFFSET_MASK;
    if ((entry & Qcow2Constants.L1_RESERVED) != 0 || (offset & header.clusterBytes() - 1) != 0) {
      throw bad(
          header.l1Offset() + l1Index * 8L,
          "L1 entry 0x" + Long.toHexString(entry) + ", expected the offset of a cluster");
    }
    return offset;
  }

  /** What an L2 entry that stands at a byte of the file says. */
  Kind kind(long entry, long at) throws Qcow2FormatException {
    if ((entry & Qcow2Constants.COMPRESSED) != 0) {
      return Kind.COMPRESSED;
    }
    long offset = entry & Qcow2Constants.OFFSET_MASK;
    if ((entry & Qcow2Constants.L2_RESERVED) != 0
        || (offset & header.clusterBytes() - 1) != 0
        || ((entry & Qcow2Constants.ZERO) != 0 && header.version() == 2)) {
      throw bad(at, "L2 entry 0x" + Long.toHexString(entry) + ", expected the offset of a cluster");
    }
    if ((entry & Qcow2Constants.ZERO) != 0) {
      return Kind.ZERO;
    }
    return offset == 0 ? Kind.UNALLOCATED : Kind.DATA;
  }

  /** Reads an L2 table; called by the cache. */
  long[] readTable(long offset, int entries) throws IOException {
    if (offset > file.sizeBytes() - header.clusterBytes()) {
      throw bad(offset, "an L2 table lies behind the file's end at " + file.sizeBytes());
    }
    ByteBuffer bytes = ByteBuffer.allocate(entries * 8);
    readFully(path, file, bytes, offset);
    long[] table = new long[entries];
    bytes.flip().asLongBuffer().get(table);
    return table;
  }

  /**
   * Reads data. The cluster in which the file ends may be cut short, as QEMU leaves it, and reads
   * as zeros from there on; clusters behind it are lost. QEMU reads zeros there, too.
   */
  void readData(long host, ByteBuffer target) throws IOException {
    long at = host;
    while (target.hasRemaining()) {
      int count = file.read(target, at);
      if (count < 0) {
        zerosBehindEnd(at, target);
      } else {
        at += count;
      }
    }
  }

  /** Whether the file has all of a run's bytes. */
  boolean holds(long host, long length) throws IOException {
    return host <= file.sizeBytes() - length;
  }

  ReadOnlyFile file() {
    return file;
  }

  private void zerosBehindEnd(long at, ByteBuffer target) throws IOException {
    long fileBytes = file.sizeBytes();
    long lastCluster = Math.ceilDiv(fileBytes, header.clusterBytes()) << header.clusterBits();
    if (at > lastCluster - target.remaining()) {
      throw bad(
          Math.max(at, lastCluster),
          "data lies behind the file's end at " + fileBytes + "; the image is truncated");
    }
    target.put(new byte[target.remaining()]);
  }

  /**
   * Decompresses one cluster and gives a part of it (specification: "Compressed Clusters
   * Descriptor").
   *
   * @param entry the L2 entry
   * @param inCluster first byte wanted
   */
  void readCompressed(long entry, int inCluster, ByteBuffer target) throws IOException {
    CompressedRun run = CompressedRun.of(entry, header.clusterBits());
    long host = run.host();
    long length = Math.min(run.length(), file.sizeBytes() - host);
    if (length <= 0) {
      throw bad(host, "compressed data lies behind the file's end at " + file.sizeBytes());
    }
    byte[] packed = new byte[(int) length];
    readFully(path, file, ByteBuffer.wrap(packed), host);
    byte[] cluster = new byte[header.clusterBytes()];
    int count =
        header.compressionType() == Qcow2Constants.COMPRESSION_ZSTD
            ? unzstd(packed, cluster, host)
            : inflate(packed, cluster, host);
    if (count != cluster.length) {
      throw bad(host, "compressed data gives " + count + " bytes, expected " + cluster.length);
    }
    target.put(cluster, inCluster, target.remaining());
  }

  private int inflate(byte[] packed, byte[] cluster, long host) throws Qcow2FormatException {
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(packed);
      int count = 0;
      while (count < cluster.length && !inflater.finished()) {
        int more = inflater.inflate(cluster, count, cluster.length - count);
        if (more == 0 && (inflater.needsInput() || inflater.needsDictionary())) {
          break;
        }
        count += more;
      }
      return count;
    } catch (DataFormatException e) {
      throw bad(host, "compressed data is damaged: " + e.getMessage());
    } finally {
      inflater.end();
    }
  }

  /** The sectors' rest behind the frame is not part of it, so the frame is read as a stream. */
  private int unzstd(byte[] packed, byte[] cluster, long host) throws Qcow2FormatException {
    ByteBuffer source = ByteBuffer.allocateDirect(packed.length).put(packed).flip();
    ByteBuffer target = ByteBuffer.allocateDirect(cluster.length);
    try (ZstdDecompressCtx context = new ZstdDecompressCtx()) {
      boolean progress = true;
      while (progress && target.hasRemaining() && source.hasRemaining()) {
        int before = source.position() + target.position();
        context.decompressDirectByteBufferStream(target, source);
        progress = source.position() + target.position() > before;
      }
    } catch (ZstdException e) {
      throw bad(host, "compressed data is damaged: " + e.getMessage());
    }
    int count = target.position();
    target.flip().get(cluster, 0, count);
    return count;
  }

  private static void readFully(Path path, ReadOnlyFile file, ByteBuffer bytes, long offset)
      throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      int count = file.read(bytes, at);
      if (count < 0) {
        throw new Qcow2FormatException(
            path, at, "the file ends here, expected " + bytes.remaining() + " bytes more");
      }
      at += count;
    }
  }

  private Qcow2FormatException bad(long offset, String problem) {
    return new Qcow2FormatException(path, offset, problem);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
