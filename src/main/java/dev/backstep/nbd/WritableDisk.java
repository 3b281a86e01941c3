package dev.backstep.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A served disk that clients may write to. What one has written all others read. */
public interface WritableDisk extends ServedDisk {

  void write(long offset, ByteBuffer bytes) throws IOException;

  void zero(long offset, long length) throws IOException;

  /** Makes what was written before durable. */
  void flush() throws IOException;
}
