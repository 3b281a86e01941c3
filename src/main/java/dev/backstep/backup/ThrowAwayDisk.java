package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.blockio.ScratchFile;
import dev.backstep.nbd.ServedDisk;
import dev.backstep.nbd.WritableDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.BitSet;

/**
 * A disk that may be written to, over one that stays as it is: what is written goes to a scratch
 * file and is gone when this is closed. Thread-safe.
 */
public final class ThrowAwayDisk implements WritableDisk, Closeable {

  private static final int CLUSTER_BYTES = ClusterMap.CLUSTER_BYTES;

  private final ServedDisk below;
  private final ScratchFile scratch;

  /** Clusters that the scratch file has. */
  private final BitSet written = new BitSet();

  /** Clusters that were zeroed since. */
  private final BitSet zeroed = new BitSet();

  private ThrowAwayDisk(ServedDisk below, ScratchFile scratch) {
    this.below = below;
    this.scratch = scratch;
  }

  /**
   * @param below stays the caller's to close
   * @param folder for the scratch file
   */
  public static ThrowAwayDisk over(ServedDisk below, Path folder) throws IOException {
    return new ThrowAwayDisk(below, ScratchFile.create(folder));
  }

  @Override
  public long sizeBytes() {
    return below.sizeBytes();
  }

  private enum State {
    BELOW,
    WRITTEN,
    ZEROED
  }

  /** What is done with each run of clusters in one state. */
  private interface RunVisitor {
    void run(State state, long offset, long length) throws IOException;
  }

  private State state(int cluster) {
    return zeroed.get(cluster) ? State.ZEROED : written.get(cluster) ? State.WRITTEN : State.BELOW;
  }

  private void runs(long offset, long length, RunVisitor visitor) throws IOException {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int cluster = (int) (at / CLUSTER_BYTES);
      State state = state(cluster);
      int next = cluster + 1;
      while ((long) next * CLUSTER_BYTES < end && state(next) == state) {
        next++;
      }
      long until = Math.min(end, (long) next * CLUSTER_BYTES);
      visitor.run(state, at, until - at);
      at = until;
    }
  }

  @Override
  public synchronized void parts(long offset, long length, PartVisitor visitor) throws IOException {
    runs(
        offset,
        length,
        (state, at, count) -> {
          switch (state) {
            case BELOW -> below.parts(at, count, visitor);
            case WRITTEN -> visitor.file(scratch.reading(), at, count);
            case ZEROED -> visitor.zeros(count);
          }
        });
  }

  @Override
  public synchronized void allocated(long offset, long length, ExtentVisitor visitor)
      throws IOException {
    runs(
        offset,
        length,
        (state, at, count) -> {
          switch (state) {
            case BELOW -> below.allocated(at, count, visitor);
            case WRITTEN -> visitor.extent(at, count, ExtentKind.DATA);
            case ZEROED -> visitor.extent(at, count, ExtentKind.ZERO);
          }
        });
  }

  @Override
  public synchronized void write(long offset, ByteBuffer bytes) throws IOException {
    long end = offset + bytes.remaining();
    complete(offset, end);
    scratch.write(bytes, offset);
    mark(offset, end);
  }

  @Override
  public synchronized void zero(long offset, long length) throws IOException {
    long end = offset + length;
    long first = Math.min(end, Math.ceilDiv(offset, CLUSTER_BYTES) * CLUSTER_BYTES);
    long last = end == sizeBytes() ? end : Math.max(first, end / CLUSTER_BYTES * CLUSTER_BYTES);
    if (first > offset) {
      write(offset, ByteBuffer.allocate((int) (first - offset)));
    }
    if (last > first) {
      zeroed.set((int) (first / CLUSTER_BYTES), (int) Math.ceilDiv(last, CLUSTER_BYTES));
    }
    if (end > last) {
      write(last, ByteBuffer.allocate((int) (end - last)));
    }
  }

  /** Fetches what a write leaves of the clusters at its ends. */
  private void complete(long offset, long end) throws IOException {
    int first = (int) (offset / CLUSTER_BYTES);
    int last = (int) ((end - 1) / CLUSTER_BYTES);
    if (offset % CLUSTER_BYTES != 0) {
      fetch(first);
    }
    if (end % CLUSTER_BYTES != 0 && end < sizeBytes()) {
      fetch(last);
    }
  }

  private void fetch(int cluster) throws IOException {
    if (state(cluster) == State.WRITTEN) {
      return;
    }
    long offset = (long) cluster * CLUSTER_BYTES;
    int length = (int) Math.min(CLUSTER_BYTES, sizeBytes() - offset);
    ByteBuffer bytes = ByteBuffer.allocate(length);
    parts(offset, length, new Gathered(bytes));
    scratch.write(bytes.flip(), offset);
    mark(offset, offset + length);
  }

  /** A cluster that reaches to the disk's end is whole, however short it is. */
  private void mark(long offset, long end) {
    int from = (int) (offset / CLUSTER_BYTES);
    int to = (int) Math.ceilDiv(end, CLUSTER_BYTES);
    written.set(from, to);
    zeroed.clear(from, to);
  }

  private record Gathered(ByteBuffer bytes) implements PartVisitor {

    @Override
    public void file(ReadOnlyFile file, long offset, long length) throws IOException {
      ByteBuffer part = bytes.slice(bytes.position(), (int) length);
      while (part.hasRemaining()) {
        if (file.read(part, offset + part.position()) < 0) {
          throw new java.io.EOFException("the image ends at byte " + (offset + part.position()));
        }
      }
      bytes.position(bytes.position() + (int) length);
    }

    @Override
    public void bytes(ByteBuffer more) {
      bytes.put(more);
    }

    @Override
    public void zeros(long length) {
      bytes.put(new byte[(int) length]);
    }
  }

  /** Nothing of this is meant to last. */
  @Override
  public void flush() {}

  @Override
  public void close() throws IOException {
    scratch.close();
  }
}
