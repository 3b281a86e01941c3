package dev.backstep.nbd;

import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import java.io.IOException;

/**
 * A disk that an {@link ExportServer} shows, for reading only unless it is a {@link WritableDisk}.
 * Thread-safe: each connection has a thread of its own. Offsets and lengths in bytes, always inside
 * the disk.
 */
public interface ServedDisk {

  long sizeBytes();

  /** Reports what a range is made of, with its bytes. */
  void parts(long offset, long length, PartVisitor visitor) throws IOException;

  /** Reports what of a range holds data and what reads as zeros, without gaps. */
  void allocated(long offset, long length, ExtentVisitor visitor) throws IOException;
}
