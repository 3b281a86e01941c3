package dev.backstep.qcow2;

import dev.backstep.blockio.AlignedBuffers;
import dev.backstep.blockio.Block;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.Zeros;
import dev.backstep.domain.ByteRange;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes one image of version 3, standalone or on a backing file, from front to back. Data is only
 * appended; the header is written last, so an unfinished file is no image to anyone.
 *
 * <pre>
 * cluster 0      kept free for the header
 * cluster 1 ...  L1 table
 * ...            data clusters and L2 tables, in the order of writing
 * ...            refcount blocks, refcount table
 * </pre>
 *
 * Now and then {@link #beginCheckpoint} forces what there is; {@link #resume} goes on from such a
 * state in another process. For one thread.
 */
public final class Qcow2Writer implements Closeable {

  private final Qcow2Spec spec;
  private final int clusterBytes;
  private final DirectFile file;
  private final ImageOutput output;
  private final WriteQueue queue;
  private final WriterTables tables;
  private final @Nullable ClusterPacker packer;
  private final RoomAhead room;
  private long position;
  private long appended;
  private long hostOffset;
  private long bytesData;
  private final WriterCheckpoints checkpoints;
  private boolean finished;

  private Qcow2Writer(Path path, Qcow2Spec spec, DirectFile file, Optional<ChecksumLog> checksums) {
    this.spec = spec;
    this.clusterBytes = 1 << spec.clusterBits();
    this.file = file;
    this.output = new ImageOutput(file, checksums);
    this.queue = new WriteQueue(output, String.valueOf(path.getFileName()));
    this.checkpoints = new WriterCheckpoints(queue, output);
    this.tables = new WriterTables(spec.clusterBits(), spec.l1Entries(), clusterBytes);
    this.packer = ClusterPacker.of(spec);
    this.room = new RoomAhead(file, RoomAhead.ROOM_BYTES_MIN);
  }

  /** Begins an image of which no checksums are kept, emptying a file that is there. */
  public static Qcow2Writer create(Path path, Qcow2Spec spec) throws IOException {
    return create(path, spec, Optional.empty());
  }

  /**
   * Begins an image, emptying a file that is there.
   *
   * @param checksums takes the checksums of all that is written for good; the caller closes it,
   *     after this
   */
  public static Qcow2Writer create(Path path, Qcow2Spec spec, Optional<ChecksumLog> checksums)
      throws IOException {
    Qcow2Writer writer = new Qcow2Writer(path, spec, DirectFile.create(path), checksums);
    writer.hostOffset = writer.clusterBytes + writer.tables.l1Bytes().remaining();
    return writer;
  }

  /**
   * Goes on with an image from a state that {@link #durable} gave, in whatever process. What was
   * written behind that state is forgotten and overwritten.
   *
   * @param spec the same as when it was begun
   * @param checksums gone on with from the same state
   * @throws Qcow2FormatException when the file cannot be what the state says; begin it anew then
   */
  public static Qcow2Writer resume(
      Path path, Qcow2Spec spec, WriterState state, Optional<ChecksumLog> checksums)
      throws IOException {
    DirectFile file = DirectFile.open(path);
    try {
      state.requireForced(path, file.sizeBytes());
      Qcow2Writer writer = new Qcow2Writer(path, spec, file, checksums);
      writer.tables.load(path, file, state);
      writer.position = state.guestOffset();
      writer.appended = state.guestOffset();
      writer.hostOffset = state.hostOffset();
      writer.bytesData = state.bytesData();
      writer.checkpoints.resume(state);
      return writer;
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  /**
   * Stores data and takes the block over: it is closed once its bytes are written. Clusters of
   * zeros are found and not stored. Waits only while too many writes are in flight.
   *
   * @param block ranges behind everything stored so far, cluster aligned but for the disk's end
   * @throws IllegalArgumentException when the ranges are not; the block is closed then, too
   * @throws IOException when this or an earlier write failed
   */
  public void write(Block block) throws IOException {
    BlockUse use = new BlockUse(block);
    try {
      queue.check();
      for (int i = 0; i < block.ranges().size(); i++) {
        ByteRange range = block.ranges().get(i);
        advance(range);
        writeRange(range.offset(), block.bytes(i), use);
      }
    } catch (InternalError e) {
      throw new IOException("the source's memory could not be read: " + e.getMessage(), e);
    } finally {
      use.done();
    }
  }

  private void writeRange(long guest, ByteBuffer bytes, BlockUse use) throws IOException {
    int length = bytes.remaining();
    int at = 0;
    while (at < length) {
      int end = Zeros.runEnd(bytes, at, clusterBytes, false);
      if (end > at) {
        data(guest + at, bytes.slice(at, end - at), use);
      }
      int zeroEnd = Zeros.runEnd(bytes, end, clusterBytes, true);
      if (zeroEnd > end && spec.backingFile().isPresent()) {
        zeros(new ByteRange(guest + end, zeroEnd - end));
      }
      at = zeroEnd;
    }
  }

  private void data(long guest, ByteBuffer bytes, BlockUse use) throws IOException {
    int whole = bytes.remaining() / clusterBytes * clusterBytes;
    if (whole > 0) {
      wholeClusters(guest, bytes.slice(0, whole), use);
    }
    if (whole < bytes.remaining()) {
      // The disk ends inside this cluster; the rest of it must read as zeros.
      ByteBuffer last =
          AlignedBuffers.allocate(clusterBytes).put(0, bytes, whole, bytes.remaining() - whole);
      wholeClusters(guest + whole, last, new BlockUse(null));
    }
  }

  private void wholeClusters(long guest, ByteBuffer bytes, BlockUse use) throws IOException {
    if (packer == null) {
      append(guest, bytes, use);
      return;
    }
    long regionBytes = (long) tables.l2Entries() * clusterBytes;
    int first = (int) Math.min(bytes.remaining(), regionBytes - guest % regionBytes);
    packer.submit(guest, bytes.slice(0, first), use);
    packer.submit(guest + first, bytes.slice(first, bytes.remaining() - first), use);
    while (packer.isFull()) {
      appendPacked(packer.take());
    }
  }

  /** Appends clusters as they are; table by table, because a new table takes a host cluster. */
  private void append(long guest, ByteBuffer bytes, BlockUse use) throws IOException {
    int at = 0;
    while (at < bytes.remaining()) {
      long cluster = (guest + at) >>> spec.clusterBits();
      openRegion(cluster);
      int count = tables.countFrom(cluster, bytes.remaining() - at);
      long host = allocate((long) count * clusterBytes);
      tables.enter(cluster, count, host);
      use.begin();
      queue.write(bytes.slice(at, count * clusterBytes), host, use::done);
      bytesData += (long) count * clusterBytes;
      at += count * clusterBytes;
    }
    appended = guest + bytes.remaining();
  }

  private void appendPacked(ClusterPacker.Batch batch) throws IOException {
    if (batch.zeros()) {
      zeroEntries(batch.guest(), batch.length());
      return;
    }
    try {
      PackedClusters packed = batch.packed();
      openRegion(batch.guest() >>> spec.clusterBits());
      long packHost = hostOffset;
      growTo(packHost + packed.bytes().remaining());
      queue.write(packed.bytes(), packHost, packed::release);
      int clusters = (int) (batch.length() / clusterBytes);
      int index = 0;
      while (index < clusters) {
        long guest = batch.guest() + (long) index * clusterBytes;
        int end = packed.rawEnd(index);
        if (end > index) {
          int from = index * clusterBytes;
          append(guest, batch.bytes().slice(from, end * clusterBytes - from), batch.use());
          index = end;
        } else {
          tables.set(
              guest >>> spec.clusterBits(),
              new CompressedRun(packHost + packed.start(index), packed.length(index))
                  .entry(spec.clusterBits()));
          bytesData += clusterBytes;
          index++;
        }
      }
      appended = batch.guest() + batch.length();
    } finally {
      batch.use().done();
    }
  }

  /**
   * Stores that a range reads as zeros. A standalone image needs nothing for that.
   *
   * @param range behind everything stored so far, cluster aligned but for the disk's end
   */
  public void writeZeros(ByteRange range) throws IOException {
    queue.check();
    advance(range);
    if (spec.backingFile().isPresent()) {
      zeros(range);
    }
  }

  private void zeros(ByteRange range) throws IOException {
    if (packer != null) {
      packer.zeros(range);
    } else {
      zeroEntries(range.offset(), range.length());
    }
  }

  private void zeroEntries(long guest, long length) throws IOException {
    long first = guest >>> spec.clusterBits();
    long end = Math.ceilDiv(guest + length, clusterBytes);
    for (long cluster = first; cluster < end; cluster++) {
      openRegion(cluster);
      tables.set(cluster, Qcow2Constants.ZERO);
    }
    appended = guest + length;
  }

  private void advance(ByteRange range) {
    spec.requireBehind(position, range);
    position = range.end();
  }

  private long allocate(long length) {
    long host = aligned(hostOffset);
    growTo(host + length);
    return host;
  }

  private void growTo(long end) {
    room.grow(hostOffset, end);
    hostOffset = end;
  }

  private long aligned(long host) {
    return Math.ceilDiv(host, clusterBytes) * clusterBytes;
  }

  private void openRegion(long cluster) throws IOException {
    int region = tables.regionOf(cluster);
    if (region != tables.region()) {
      flushRegion();
      tables.begin(region);
    }
    if (!tables.isTouched()) {
      tables.place(allocate(clusterBytes));
    }
  }

  /** Writes the table in memory for good; a checkpoint of it must not come later. */
  private void flushRegion() throws IOException {
    if (tables.isTouched()) {
      awaitCheckpoint();
      queue.write(tables.l2Bytes(), tables.tableOffset(), () -> {});
    }
  }

  /** Waits until what {@link #beginCheckpoint} began is done. */
  public void awaitCheckpoint() throws IOException {
    checkpoints.await();
  }

  /**
   * Begins to force what is stored so far; {@link #durable} tells when it is. Does nothing while an
   * earlier one is going on.
   *
   * @throws IOException when an earlier write failed
   */
  public void beginCheckpoint() throws IOException {
    queue.check();
    if (checkpoints.isGoingOn()) {
      return;
    }
    while (packer != null && packer.hasReady()) {
      appendPacked(packer.take());
    }
    long guest = packer == null || packer.isEmpty() ? position : appended;
    WriterState reached = new WriterState(guest, hostOffset, bytesData, 0);
    checkpoints.begin(reached, tables.copy());
  }

  /** The newest state that is forced to disk; empty before the first. Any thread may ask. */
  public Optional<WriterState> durable() {
    return checkpoints.durable();
  }

  /** Guest bytes stored as data so far, before compression. */
  public long bytesData() {
    return bytesData;
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
    while (packer != null && !packer.isEmpty()) {
      appendPacked(packer.take());
    }
    flushRegion();
    awaitCheckpoint();
    queue.drain();
    output.write(tables.l1Bytes(), clusterBytes);
    long end = aligned(hostOffset);
    RefcountTable refcounts = new RefcountTable(output, spec.clusterBits(), end);
    if (packer != null) {
      tables.countCompressed(file, refcounts);
    }
    refcounts.finish();
    file.truncate(refcounts.end());
    file.force();
    spec.header(clusterBytes, refcounts).write(output);
    output.force();
    finished = true;
    return refcounts.end();
  }

  /** Waits for writes in flight and closes the file; no image without {@link #finish}. */
  @Override
  public void close() throws IOException {
    try (file) {
      if (packer != null) {
        packer.close();
      }
      checkpoints.join();
      queue.barrier().join();
      queue.close();
    }
  }
}
