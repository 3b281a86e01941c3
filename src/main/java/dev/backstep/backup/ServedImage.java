package dev.backstep.backup;

import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import dev.backstep.nbd.ServedDisk;
import dev.backstep.qcow2.Qcow2Reader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;

/** A disk of a restore point, for reading only. Thread-safe. */
public final class ServedImage implements ServedDisk, Closeable {

  private final Qcow2Reader chain;
  private final long sizeBytes;

  private ServedImage(Qcow2Reader chain, long sizeBytes) {
    this.chain = chain;
    this.sizeBytes = sizeBytes;
  }

  /**
   * @param sizeBytes the disk's exact size, at most the image's
   * @throws dev.backstep.qcow2.Qcow2FormatException when the chain cannot be read
   */
  public static ServedImage open(Path image, long sizeBytes) throws IOException {
    return new ServedImage(Qcow2Reader.open(image, 1), sizeBytes);
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void parts(long offset, long length, PartVisitor visitor) throws IOException {
    chain.parts(offset, length, visitor);
  }

  @Override
  public void allocated(long offset, long length, ExtentVisitor visitor) throws IOException {
    chain.allocated(offset, length, visitor);
  }

  @Override
  public void close() throws IOException {
    chain.close();
  }
}
