package dev.backstep.backup;

import dev.backstep.qcow2.Qcow2Writer;
import java.io.IOException;

/** A standalone QCOW2 image as the target of a restore. */
final class Qcow2Output implements DiskOutput {

  private final Qcow2Writer image;
  private final ImageFill fill;

  /** Takes the writer over. */
  Qcow2Output(Qcow2Writer image) {
    this.image = image;
    this.fill = new ImageFill(image);
  }

  @Override
  public void put(Clusters item) throws IOException {
    fill.put(item);
  }

  @Override
  public void finish() throws IOException {
    image.finish();
  }

  @Override
  public void close() throws IOException {
    image.close();
  }
}
