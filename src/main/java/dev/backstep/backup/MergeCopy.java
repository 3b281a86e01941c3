package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.qcow2.WriterState;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/**
 * Reads all data of the images that become one, compared with their checksums, and writes it. Can
 * stop after any part and go on in another process.
 */
final class MergeCopy implements MergedFile {

  /** Blocks read ahead. */
  private static final int AHEAD = 8;

  /** How much may be lost by a kill. */
  private static final Duration CHECKPOINT_PERIOD = Duration.ofSeconds(1);

  private final ClusterMap clusters;
  private final Qcow2Writer image;
  private final ReadAhead ahead;
  private long checkpointAt = System.nanoTime();
  private long bytesDone;

  /**
   * @param clusters what there is to be stored
   * @param image this one closes it
   * @param from the byte of the disk to go on at
   */
  MergeCopy(Qcow2Reader chain, ClusterMap clusters, Qcow2Writer image, long from) {
    this.clusters = clusters;
    this.image = image;
    this.ahead = new ReadAhead(chain, Optional.empty(), new BlockPlan(clusters, from), AHEAD);
    this.bytesDone = clusters.dataBytesBefore(from);
  }

  @Override
  public boolean put() throws IOException {
    Optional<Clusters> next = ahead.next();
    if (next.isPresent()) {
      bytesDone += next.get().data().map(Block::lengthBytes).orElse(0L);
      new ImageFill(image).put(next.get());
      if (System.nanoTime() - checkpointAt >= CHECKPOINT_PERIOD.toNanos()) {
        checkpointAt = System.nanoTime();
        image.beginCheckpoint();
      }
    }
    return next.isPresent();
  }

  @Override
  public Optional<WriterState> checkpoint() throws IOException {
    image.beginCheckpoint();
    image.awaitCheckpoint();
    return durable();
  }

  @Override
  public Optional<WriterState> durable() {
    return image.durable();
  }

  @Override
  public long bytesTotal() {
    return clusters.dataBytes();
  }

  @Override
  public long bytesDone() {
    return bytesDone;
  }

  @Override
  public long bytesData() {
    return image.bytesData();
  }

  @Override
  public long finish() throws IOException {
    return image.finish();
  }

  @Override
  public void close() throws IOException {
    try (image) {
      ahead.close();
    }
  }
}
