package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Is told what a range of a disk is made of, part by part in ascending order, without gaps. */
public interface PartVisitor {

  /**
   * Bytes that lie in a file as they are.
   *
   * @param offset place in the file, in bytes
   * @param length bytes, at least 1
   */
  void file(ReadOnlyFile file, long offset, long length) throws IOException;

  /** Bytes that had to be made; the buffer is the visitor's. */
  void bytes(ByteBuffer bytes) throws IOException;

  /**
   * Bytes that are all zero.
   *
   * @param length at least 1
   */
  void zeros(long length) throws IOException;
}
