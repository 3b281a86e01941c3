package dev.backstep.qcow2;

import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.DirectFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The file of an image that is being written, and the checksums of what is written to it for good.
 * Thread-safe for ranges that do not overlap.
 */
record ImageOutput(DirectFile file, Optional<ChecksumLog> checksums) {

  /** Writes bytes that will not be written again. */
  void write(ByteBuffer bytes, long offset) throws IOException {
    if (checksums.isPresent() && bytes.hasRemaining()) {
      checksums.get().record(offset, bytes);
    }
    file.write(bytes, offset);
  }

  /** A write that is to be made. */
  @FunctionalInterface
  interface Write {
    void run() throws IOException;
  }

  /**
   * Readies a write for another thread. A quick checksum is taken at once: who hands writes over
   * waits for the writers anyway, and they keep the disk busy meanwhile.
   */
  Write prepare(ByteBuffer bytes, long offset) throws IOException {
    if (checksums.isPresent() && checksums.get().isQuick() && bytes.hasRemaining()) {
      checksums.get().record(offset, bytes);
      return () -> file.write(bytes, offset);
    }
    return () -> write(bytes, offset);
  }

  /**
   * Forces file and checksums.
   *
   * @return length of the checksums in bytes
   */
  long force() throws IOException {
    file.force();
    return checksums.isPresent() ? checksums.get().force() : 0;
  }
}
