package dev.backstep.backup;

import java.io.Closeable;
import java.io.IOException;

/** Where a restored disk goes. For one thread. */
interface DiskOutput extends Closeable {

  /** Writes an item of data and takes it over; may return before it is written. */
  void put(Clusters item) throws IOException;

  /** Waits for everything and forces it to disk; the disk is complete then. */
  void finish() throws IOException;
}
