package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.BlockSharing;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.qcow2.Qcow2Clone;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Reader.Content;
import dev.backstep.qcow2.Qcow2Reader.Piece;
import dev.backstep.qcow2.WriterState;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Lets the merged image begin as a clone of the lowest of those that become one, and lays what the
 * others have over it, shared where it can be. Costs as much as the others have, beside the tables
 * of all; so what was not finished is begun anew, and there is no state to go on from.
 */
final class MergeClone implements MergedFile {

  /** So many zeros make one part of the work: a multiple of a cluster. */
  private static final long ZEROS_AT_ONCE = 64L << 20;

  private final Qcow2Reader chain;

  /** How many images, from the top, are laid over the clone. */
  private final int above;

  private final ClusterMap clusters;
  private final BlockPlan plan;
  private final Qcow2Clone image;
  private final Deque<ClusterMap.Run> runs = new ArrayDeque<>();
  private boolean cloned;
  private long bytesDone;

  /**
   * @param clusters what those above have
   * @param image this one closes it
   */
  MergeClone(Qcow2Reader chain, int above, ClusterMap clusters, Qcow2Clone image) {
    this.chain = chain;
    this.above = above;
    this.clusters = clusters;
    this.plan = new BlockPlan(clusters, 0);
    this.image = image;
  }

  @Override
  public boolean put() throws IOException {
    if (!cloned) {
      cloned = !image.cloneMore();
      bytesDone = cloned ? image.bytesCloned() : 0;
      return true;
    }
    if (runs.isEmpty()) {
      runs.addAll(plan.next());
    }
    ClusterMap.Run run = runs.poll();
    if (run == null) {
      return image.checksumMore();
    }
    if (run.kind() == ExtentKind.ZERO) {
      zeros(run.range());
    } else {
      data(run.range());
      bytesDone += run.range().length();
    }
    return true;
  }

  private void zeros(ByteRange range) throws IOException {
    long length = Math.min(range.length(), ZEROS_AT_ONCE);
    image.zeros(new ByteRange(range.offset(), length));
    if (length < range.length()) {
      ByteRange rest = new ByteRange(range.offset() + length, range.length() - length);
      runs.addFirst(new ClusterMap.Run(rest, ExtentKind.ZERO));
    }
  }

  private void data(ByteRange range) throws IOException {
    long at = range.offset();
    while (at < range.end()) {
      Piece piece = chain.piece(at, range.end() - at, above);
      long whole = piece.length() / ClusterMap.CLUSTER_BYTES * ClusterMap.CLUSTER_BYTES;
      if (whole > 0 && isShareable(piece)) {
        image.share(new ByteRange(at, whole), piece.file(), piece.open(), piece.host());
        at += whole;
      } else {
        // To the end of the cluster that this piece ends in: a cluster is stored whole.
        long end = Math.ceilDiv(at + piece.length(), ClusterMap.CLUSTER_BYTES);
        at = write(at, Math.min(range.end(), end * ClusterMap.CLUSTER_BYTES));
      }
    }
  }

  private static boolean isShareable(Piece piece) {
    return piece.content() == Content.PLAIN
        && piece.whole()
        && piece.host() % BlockSharing.ALIGNMENT_BYTES == 0
        && piece.open().hasChecksums();
  }

  private long write(long from, long end) throws IOException {
    long at = from;
    while (at < end) {
      long length = Math.min(end - at, BlockReader.BLOCK_BYTES_MAX);
      try (Block block = ReadAhead.await(chain.read(List.of(new ByteRange(at, length))))) {
        image.write(at, block.bytes(0));
      }
      at += length;
    }
    return at;
  }

  @Override
  public Optional<WriterState> checkpoint() {
    return durable();
  }

  @Override
  public Optional<WriterState> durable() {
    return Optional.empty();
  }

  @Override
  public long bytesTotal() {
    return image.bytesCloned() + clusters.dataBytes();
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
    image.close();
  }
}
