package dev.backstep.qcow2;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/**
 * Finds the entries of a sound image with refcounts of 16 bits, and writes others in their place.
 */
final class PatchedImage implements AutoCloseable {

  private final RandomAccessFile file;

  PatchedImage(Path image) throws IOException {
    this.file = new RandomAccessFile(image.toFile(), "rw");
  }

  long length() throws IOException {
    return file.length();
  }

  void truncate(long length) throws IOException {
    file.setLength(length);
  }

  int clusterBytes() throws IOException {
    return 1 << getInt(20);
  }

  /** Place of an L1 entry. */
  long l1Entry(int index) throws IOException {
    return get(40) + index * 8L;
  }

  /** Place of an L2 entry under the first L1 entry. */
  long l2Entry(int index) throws IOException {
    return (get(l1Entry(0)) & Qcow2Constants.OFFSET_MASK) + index * 8L;
  }

  /** Place in the file that an entry refers to. */
  long target(long entryAt) throws IOException {
    return get(entryAt) & Qcow2Constants.OFFSET_MASK;
  }

  /** Place of the refcount of the cluster at a byte of the file. */
  long refcountOf(long offset) throws IOException {
    long perBlock = clusterBytes() / 2;
    long cluster = offset / clusterBytes();
    return get(get(48) + cluster / perBlock * 8) + cluster % perBlock * 2;
  }

  int refcount(long offset) throws IOException {
    file.seek(refcountOf(offset));
    return file.readUnsignedShort();
  }

  void setRefcount(long offset, int refcount) throws IOException {
    file.seek(refcountOf(offset));
    file.writeShort(refcount);
  }

  long get(long at) throws IOException {
    file.seek(at);
    return file.readLong();
  }

  int getInt(long at) throws IOException {
    file.seek(at);
    return file.readInt();
  }

  void put(long at, long value) throws IOException {
    file.seek(at);
    file.writeLong(value);
  }

  void putInt(long at, int value) throws IOException {
    file.seek(at);
    file.writeInt(value);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
