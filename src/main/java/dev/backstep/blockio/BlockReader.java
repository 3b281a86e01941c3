package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Reads the bytes of one disk or image, several reads in flight at once. Used by one thread; the
 * blocks that it hands out may be read and closed by any thread.
 */
public interface BlockReader extends Closeable {

  /** Most bytes that one {@link #read} may ask for: the size of the buffers in the pool. */
  int BLOCK_BYTES_MAX = 2 << 20;

  /** Size of the disk in bytes. */
  long sizeBytes();

  /**
   * Starts reading. Blocks while every buffer is in use, so memory is bounded by the pool; a caller
   * that holds blocks must close some before asking for more than the pool has.
   *
   * @param ranges at least one, each of at least one byte, ascending, not overlapping, inside the
   *     disk, together at most {@link #BLOCK_BYTES_MAX} bytes
   * @return the bytes of the ranges, in their order; completes exceptionally with an {@link
   *     IOException} when the peer or the file fails. Whoever gets the block closes it.
   * @throws IllegalArgumentException when the ranges break the rules above
   * @throws IOException when the reader is closed or its peer is already known to be gone
   */
  CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException;

  /** Waits for reads in flight, then lets file or connection go; blocks handed out stay valid. */
  @Override
  void close() throws IOException;
}
