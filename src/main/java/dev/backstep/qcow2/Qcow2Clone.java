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
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
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
  private static final long SHARED_AT_ONCE = 64L << 30;

  private final CloneSource source;
  private final Qcow2Spec spec;
  private final int clusterBytes;
  private final int l2Entries;
  private final DirectFile file;
  private final BlockSharing sharing;
  private final ChecksumLog log;
  private final ClonedChecksums checksums;
  private final ChecksumKind kind;
  private final long sourceEnd;
  private final long[] l1;
  private final long[] l2;
  private int region = -1;
  private boolean tableChanged;

  /** To where the source's file is cloned; its header's cluster is not. */
  private long cloned;

  private long position;
  private long hostOffset;
  private long dataClusters;
  private boolean finished;

  private Qcow2Clone(
      CloneSource source, Qcow2Spec spec, DirectFile file, BlockSharing sharing, ChecksumLog log)
      throws IOException {
    this.source = source;
    this.spec = spec;
    this.clusterBytes = 1 << spec.clusterBits();
    this.l2Entries = clusterBytes / 8;
    this.file = file;
    this.sharing = sharing;
    this.log = log;
    this.kind = log.kind();
    this.sourceEnd = source.end();
    this.checksums = new ClonedChecksums(source.layer().file(), clusterBytes, sourceEnd);
    this.l1 = Arrays.copyOf(source.layer().l1(), spec.l1Entries());
    this.l2 = new long[l2Entries];
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
    Optional<CloneSource> source = CloneSource.of(layers, spec);
    if (source.isEmpty() || source.get().end() == 0) {
      return Optional.empty();
    }
    DirectFile file = DirectFile.create(path);
    BlockSharing sharing = BlockSharing.into(path);
    Qcow2Clone clone = new Qcow2Clone(source.get(), spec, file, sharing, log);
    try {
      if (clone.shareSource()) {
        return Optional.of(clone);
      }
    } catch (IOException | RuntimeException e) {
      clone.close();
      throw e;
    }
    clone.close();
    return Optional.empty();
  }

  private boolean shareSource() throws IOException {
    long length = Math.min(sourceEnd - cloned, SHARED_AT_ONCE);
    boolean done = sharing.share(source.layer().path(), cloned, length, cloned);
    cloned += done ? length : 0;
    return done;
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
    require(shareSource(), source.layer().path());
    return true;
  }

  private static void require(boolean shared, Path from) throws IOException {
    if (!shared) {
      throw new IOException(
          from
              + ": the file system has shared blocks of this merge's images, and now refuses; look"
              + " at the system's log, then merge again");
    }
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
   * Shares clusters with another file.
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
          require(sharing.share(from, fromOffset + offset, length, host), from);
        });
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
    long cluster = first;
    while (cluster < end) {
      openRegion(cluster);
      int index = (int) (cluster % l2Entries);
      int count = runFrom(index, (int) Math.min(l2Entries - index, end - cluster));
      long length = (long) count << spec.clusterBits();
      long host = l2[index] & Qcow2Constants.OFFSET_MASK;
      boolean superseded = host != 0;
      if (!superseded) {
        host = append(index, count);
      }
      put.to(host, cluster - first << spec.clusterBits(), length, superseded);
      cluster += count;
    }
  }

  /** How many clusters lie one behind the other, or lie nowhere. */
  private int runFrom(int index, int most) {
    long host = l2[index] & Qcow2Constants.OFFSET_MASK;
    int count = 1;
    while (count < most
        && (l2[index + count] & Qcow2Constants.OFFSET_MASK)
            == (host == 0 ? 0 : host + ((long) count << spec.clusterBits()))) {
      count++;
    }
    return count;
  }

  private long append(int index, int count) {
    long host = hostOffset;
    for (int i = 0; i < count; i++) {
      l2[index + i] = hostOffset | Qcow2Constants.COPIED;
      hostOffset += clusterBytes;
    }
    dataClusters += count;
    tableChanged = true;
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
    long cluster = range.offset() >>> spec.clusterBits();
    while (cluster < end) {
      openRegion(cluster);
      int index = (int) (cluster % l2Entries);
      int count = runFrom(index, (int) Math.min(l2Entries - index, end - cluster));
      long host = l2[index] & Qcow2Constants.OFFSET_MASK;
      if (host != 0) {
        free(host, count);
      }
      for (int i = index; i < index + count; i++) {
        tableChanged |= l2[i] != zero;
        l2[i] = zero;
      }
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

  private void advance(ByteRange range) {
    if (cloned < sourceEnd) {
      throw new IllegalStateException("the source is not cloned yet");
    }
    spec.requireBehind(position, range);
    position = range.end();
  }

  private void openRegion(long cluster) throws IOException {
    int wanted = (int) (cluster / l2Entries);
    if (wanted != region) {
      flushRegion();
      region = wanted;
      Arrays.fill(l2, 0);
      if (l1[wanted] != 0) {
        System.arraycopy(source.layer().table(wanted), 0, l2, 0, l2Entries);
      }
    }
  }

  private void flushRegion() throws IOException {
    if (!tableChanged) {
      return;
    }
    ByteBuffer table = AlignedBuffers.allocate(clusterBytes);
    table.asLongBuffer().put(l2);
    long host = l1[region] & Qcow2Constants.OFFSET_MASK;
    if (host == 0) {
      host = hostOffset;
      hostOffset += clusterBytes;
      l1[region] = host | Qcow2Constants.COPIED;
      checksums.add(host, table);
    } else {
      checksums.replaced(host, table);
    }
    file.write(table, host);
    tableChanged = false;
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
   * Writes tables, refcounts and, when all of it is forced, the header. The image is complete and
   * durable when this returns.
   *
   * @return the file's length in bytes
   */
  public long finish() throws IOException {
    if (finished) {
      throw new IllegalStateException("the image is finished already");
    }
    flushRegion();
    long l1Offset = source.layer().header().l1Offset();
    ByteBuffer table =
        AlignedBuffers.allocate(Math.ceilDiv(l1.length * 8, clusterBytes) * clusterBytes);
    table.asLongBuffer().put(l1);
    checksums.replaced(l1Offset, table);
    file.write(table, l1Offset);
    checksums.writeTo(log, file);
    ImageOutput output = new ImageOutput(file, Optional.of(log));
    RefcountTable refcounts =
        new RefcountTable(output, spec.clusterBits(), hostOffset, this::isUsed);
    refcounts.finish();
    file.truncate(refcounts.end());
    file.force();
    spec.header(l1Offset, refcounts).write(output);
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
