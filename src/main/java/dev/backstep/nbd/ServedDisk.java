package dev.backstep.nbd;

import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A disk that an {@link ExportServer} shows. Thread-safe: each connection has a thread of its own,
 * and what one has written all others read. Offsets and lengths in bytes, always inside the disk.
 */
public interface ServedDisk {

  long sizeBytes();

  /** Whether it may be written to; without it the writing methods are never called. */
  boolean writable();

  /** Reports what a range is made of, with its bytes. */
  void parts(long offset, long length, PartVisitor visitor) throws IOException;

  /** Reports what of a range holds data and what reads as zeros, without gaps. */
  void allocated(long offset, long length, ExtentVisitor visitor) throws IOException;

  void write(long offset, ByteBuffer bytes) throws IOException;

  void zero(long offset, long length) throws IOException;

  /** Makes what was written before durable. */
  void flush() throws IOException;
}
