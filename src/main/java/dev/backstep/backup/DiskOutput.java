package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/** Where a restored disk goes. For one thread. */
interface DiskOutput extends Closeable {

  /** Writes an item, its zeros too, and takes it over; may return before it is written. */
  void put(Clusters item) throws IOException;

  /**
   * Reads what the target held before; to be closed before this.
   *
   * @param blocks how many may be held at once
   */
  BlockReader reader(int blocks) throws IOException;

  /**
   * Makes durable what was put, or begins to.
   *
   * @param position byte of the disk behind what was put
   * @return a state that restoring may go on from, with this output's kind opened again; the newest
   *     one known
   */
  Optional<String> checkpoint(long position) throws IOException;

  /** Waits for everything and forces it to disk; the disk is complete then. */
  void finish() throws IOException;
}
