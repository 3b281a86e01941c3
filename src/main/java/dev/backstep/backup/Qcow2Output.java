package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import dev.backstep.domain.Compression;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.qcow2.WriterState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A standalone QCOW2 image as the target of a restore. */
final class Qcow2Output implements DiskOutput {

  private final Qcow2Writer image;
  private final ImageFill fill;

  private Qcow2Output(Qcow2Writer image) {
    this.image = image;
    this.fill = new ImageFill(image);
  }

  /**
   * @param state of an earlier one to go on from
   */
  static Qcow2Output open(Path path, long sizeBytes, Optional<String> state) throws IOException {
    Qcow2Spec spec =
        new Qcow2Spec(
            sizeBytes,
            Optional.empty(),
            Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES),
            Compression.NONE,
            1);
    return new Qcow2Output(
        state.isEmpty()
            ? Qcow2Writer.create(path, spec)
            : Qcow2Writer.resume(path, spec, WriterState.parse(state.get()), Optional.empty()));
  }

  @Override
  public BlockReader reader(int blocks) {
    throw new UnsupportedOperationException("an image that is made held nothing before");
  }

  @Override
  public void put(Clusters item) throws IOException {
    fill.put(item);
  }

  @Override
  public Optional<String> checkpoint(long position) throws IOException {
    image.beginCheckpoint();
    return image.durable().map(WriterState::toString);
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
