package dev.backstep.qcow2;

import dev.backstep.blockio.ReadOnlyFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads tables of an image that may be damaged: what lies behind the file's end reads as zeros.
 *
 * @param sizeBytes the file's length when the check began
 */
record TableFile(ReadOnlyFile file, long sizeBytes) {

  /** Reads big endian bytes from any place on. */
  ByteBuffer read(long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && file.read(bytes, offset + bytes.position()) >= 0) {}
    return bytes.clear();
  }

  long[] readEntries(long offset, int entries) throws IOException {
    long[] table = new long[entries];
    read(offset, entries * 8).asLongBuffer().get(table);
    return table;
  }
}
