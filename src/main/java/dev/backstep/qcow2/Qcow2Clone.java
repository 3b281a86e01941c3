package dev.backstep.qcow2;

import dev.backstep.blockio.AlignedBuffers;
import dev.backstep.blockio.BlockSharing;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.ClonedChecksums;
import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes an image that begins as a clone of another one's file, whose blocks it shares, and has
 * what is newer laid over it: a cluster takes the place of the one that it supersedes, and is
 * appended where there is none. What becomes zeros leaves a hole. As with {@link Qcow2Writer}
 * refcounts come last, and the header when all is forced, so an unfinished file is no image to
 * anyone; the other file is only read. Work that is not finished is begun anew. For one thread.
 */
public final class Qcow2Clone implements Closeable {

  /** How much the file system is asked to share in one call, which nothing can stop. */
  private static final long SHARED_AT_ONCE = 4L << 30;

  private static final int COPIED_AT_ONCE = 1 << 20;

  private final CloneSource source;
  private final Qcow2Spec spec;
  private final int clusterBytes;
  private final DirectFile file;
  private final BlockSharing sharing;
  private final ChecksumLog log;
  private final ClonedChecksums checksums;
  private final ChecksumKind kind;
  private final long sourceEnd;
  private final CloneTables tables;

  /** To where the source's file is cloned; its header's cluster is not. */
  private long cloned;

  private long position;
  private long hostOffset;
  private long dataClusters;
  private boolean tablesWritten;
  private boolean checksumsLeft;
  private boolean finished;

  private Qcow2Clone(
      CloneSource source, Qcow2Spec spec, DirectFile file, BlockSharing sharing, ChecksumLog log)
      throws IOException {
    this.source = source;
    this.spec = spec;
    this.clusterBytes = 1 << spec.clusterBits();
    this.file = file;
    this.sharing = sharing;
    this.log = log;
    this.kind = log.kind();
    this.sourceEnd = source.end();
    this.checksums = new ClonedChecksums(source.layer().file(), clusterBytes, sourceEnd);
    this.tables = new CloneTables(source, spec);
    this.cloned = clusterBytes;
    this.hostOffset = sourceEnd;
    this.dataClusters = source.dataClusters();
  }

  /**
   * Begins an image, emptying a file that is there.
   *
   * @param chain the caller closes it, after this
   * @param images how many, from the top, become one; the lowest of them is cloned
   * @param log empty; takes the checksums; the caller closes it, after this
   * @return empty when it cannot be: the lowest image does not suit, has no checksums of that kind,
   *     or the file system shares no blocks
   * @throws IOException when it could be, and failed
   */
  public static Optional<Qcow2Clone> create(
      Path path, Qcow2Spec spec, Qcow2Reader chain, int images, ChecksumLog log)
      throws IOException {
    List<Layer> layers = chain.layers(images);
    if (!layers.getLast().file().hasChecksums(log.kind())) {
      return Optional.empty();
    }
    DirectFile file = DirectFile.create(path);
    try {
      Optional<Qcow2Clone> clone = create(layers, spec, file, BlockSharing.into(path), log);
      if (clone.isEmpty()) {
        file.close();
      }
      return clone;
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static Optional<Qcow2Clone> create(
      List<Layer> layers, Qcow2Spec spec, DirectFile file, BlockSharing sharing, ChecksumLog log)
      throws IOException {
    try {
      Optional<CloneSource> source =
          isPossible(layers.getLast(), spec, sharing)
              ? CloneSource.of(layers, spec)
              : Optional.empty();
      if (source.isPresent()) {
        return Optional.of(new Qcow2Clone(source.get(), spec, file, sharing, log));
      }
    } catch (IOException | RuntimeException e) {
      sharing.close();
      throw e;
    }
    sharing.close();
    return Optional.empty();
  }

  /** Tries it with one cluster, before all tables are read. */
  private static boolean isPossible(Layer source, Qcow2Spec spec, BlockSharing sharing)
      throws IOException {
    long length = 1L << spec.clusterBits();
    return source.file().sizeBytes() >= 2 * length
        && sharing.share(source.path(), length, length, length);
  }

  /**
   * Clones some more of the source, which comes before all else.
   *
   * @return whether there was any
   */
  public boolean cloneMore() throws IOException {
    if (cloned == sourceEnd) {
      return false;
    }
    long length = Math.min(sourceEnd - cloned, SHARED_AT_ONCE);
    if (!sharing.share(source.layer().path(), cloned, length, cloned)) {
      throw new IOException(
          source.layer().path()
              + ": the file system has shared some of its blocks, and refuses those from byte "
              + cloned
              + " on; look at the system's log, then merge again");
    }
    cloned += length;
    return true;
  }

  /** Puts clusters to where they belong. */
  @FunctionalInterface
  private interface Put {

    /**
     * @param offset bytes from the start of what is put
     * @param superseded whether something lies there already
     */
    void to(long host, long offset, long length, boolean superseded) throws IOException;
  }

  /**
   * Shares clusters with another file, or copies them where the two cannot.
   *
   * @param range whole clusters behind everything stored so far
   * @param open the same file, with checksums
   * @param fromOffset place in it of the range's first byte
   * @throws IOException when it is not what was written, or cannot be shared
   */
  public void share(ByteRange range, Path from, ReadOnlyFile open, long fromOffset)
      throws IOException {
    put(
        range,
        (host, offset, length, superseded) -> {
          if (superseded) {
            checksums.replaced(host, length, open, fromOffset + offset);
          } else {
            checksums.add(host, open.checksums(fromOffset + offset, length, kind));
          }
          if (!sharing.share(from, fromOffset + offset, length, host)) {
            copy(open, fromOffset + offset, length, host);
          }
        });
  }

  private void copy(ReadOnlyFile from, long fromOffset, long length, long host) throws IOException {
    ByteBuffer bytes = AlignedBuffers.allocate((int) Math.min(length, COPIED_AT_ONCE));
    for (long at = 0; at < length; at += bytes.limit()) {
      bytes.clear().limit((int) Math.min(bytes.capacity(), length - at));
      while (bytes.hasRemaining()) {
        if (from.read(bytes, fromOffset + at + bytes.position()) < 0) {
          throw new EOFException("an image ends before byte " + (fromOffset + length));
        }
      }
      file.write(bytes.flip(), host + at);
    }
  }

  /**
   * Writes clusters.
   *
   * @param offset behind everything stored so far, cluster aligned
   * @param bytes whole clusters, but for the disk's end
   */
  public void write(long offset, ByteBuffer bytes) throws IOException {
    int whole = Math.ceilDiv(bytes.remaining(), clusterBytes) * clusterBytes;
    ByteBuffer padded =
        whole == bytes.remaining()
            ? bytes
            : AlignedBuffers.allocate(whole).put(0, bytes, bytes.position(), bytes.remaining());
    put(
        new ByteRange(offset, bytes.remaining()),
        (host, at, length, superseded) -> {
          ByteBuffer part = padded.slice(padded.position() + (int) at, (int) length);
          if (superseded) {
            checksums.replaced(host, part);
          } else {
            checksums.add(host, part);
          }
          file.write(part, host);
        });
  }

  private void put(ByteRange range, Put put) throws IOException {
    advance(range);
    long first = range.offset() >>> spec.clusterBits();
    long end = Math.ceilDiv(range.end(), clusterBytes);
    for (long cluster = first; cluster < end; ) {
      openTable(cluster);
      int count = tables.runFrom(cluster, end - cluster);
      long length = (long) count << spec.clusterBits();
      long host = tables.host(cluster);
      boolean superseded = host != 0;
      if (!superseded) {
        host = allocate(length);
        tables.enter(cluster, count, host);
        dataClusters += count;
      }
      put.to(host, cluster - first << spec.clusterBits(), length, superseded);
      cluster += count;
    }
  }

  private long allocate(long length) {
    long host = hostOffset;
    hostOffset += length;
    return host;
  }

  /**
   * Makes a range read as zeros.
   *
   * @param range behind everything stored so far, cluster aligned but for the disk's end
   */
  public void zeros(ByteRange range) throws IOException {
    advance(range);
    long end = Math.ceilDiv(range.end(), clusterBytes);
    long zero = spec.backingFile().isPresent() ? Qcow2Constants.ZERO : 0;
    for (long cluster = range.offset() >>> spec.clusterBits(); cluster < end; ) {
      openTable(cluster);
      int count = tables.runFrom(cluster, end - cluster);
      if (tables.host(cluster) != 0) {
        free(tables.host(cluster), count);
      }
      tables.clear(cluster, count, zero);
      cluster += count;
    }
  }

  private void free(long host, int clusters) throws IOException {
    long length = (long) clusters << spec.clusterBits();
    checksums.zeroed(host, length);
    file.zero(host, length);
    int first = (int) (host >>> spec.clusterBits());
    source.used().clear(first, first + clusters);
    dataClusters -= clusters;
  }

  private void requireCloned() {
    if (cloned < sourceEnd) {
      throw new IllegalStateException("the source is not cloned yet");
    }
  }

  private void advance(ByteRange range) {
    requireCloned();
    spec.requireBehind(position, range);
    position = range.end();
  }

  private void openTable(long cluster) throws IOException {
    if (!tables.has(cluster)) {
      flushTable();
      tables.open(cluster);
    }
  }

  private void flushTable() throws IOException {
    if (!tables.isChanged()) {
      return;
    }
    long host = tables.tableOffset();
    ByteBuffer table = tables.l2Bytes();
    if (host == 0) {
      host = allocate(clusterBytes);
      tables.place(host);
      checksums.add(host, table);
    } else {
      checksums.replaced(host, table);
    }
    file.write(table, host);
  }

  /** Bytes of the source's file that are shared, or are to be. */
  public long bytesCloned() {
    return sourceEnd;
  }

  /** Guest bytes stored as data, in whole clusters. */
  public long bytesData() {
    return dataClusters << spec.clusterBits();
  }

  /**
   * Writes the tables, and then checksums, of which some may have to be taken of what is there by
   * now. Nothing can be stored any more.
   *
   * @return whether there is more to be written
   */
  public boolean checksumMore() throws IOException {
    if (!tablesWritten) {
      requireCloned();
      flushTable();
      ByteBuffer table = tables.l1Bytes();
      checksums.replaced(l1Offset(), table);
      file.write(table, l1Offset());
      position = Long.MAX_VALUE;
      tablesWritten = true;
      checksumsLeft = true;
    }
    checksumsLeft = checksumsLeft && checksums.writeSome(log, file);
    return checksumsLeft;
  }

  private long l1Offset() {
    return source.layer().header().l1Offset();
  }

  /**
   * Writes what is left of tables and checksums, refcounts and, when all of it is forced, the
   * header. The image is complete and durable when this returns.
   *
   * @return the file's length in bytes
   */
  public long finish() throws IOException {
    if (finished) {
      throw new IllegalStateException("the image is finished already");
    }
    while (checksumMore()) {}
    ImageOutput output = new ImageOutput(file, Optional.of(log));
    RefcountTable refcounts =
        new RefcountTable(output, spec.clusterBits(), hostOffset, this::isUsed);
    refcounts.finish();
    file.truncate(refcounts.end());
    file.force();
    spec.header(l1Offset(), refcounts).write(output);
    output.force();
    finished = true;
    return refcounts.end();
  }

  private boolean isUsed(long cluster) {
    return cluster == 0
        || cluster << spec.clusterBits() >= sourceEnd
        || source.used().get((int) cluster);
  }

  /** Closes the file; no image without {@link #finish}. */
  @Override
  public void close() throws IOException {
    sharing.close();
    file.close();
  }
}
