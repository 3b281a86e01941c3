package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.Zeros;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Passes clusters of data that are all zeros on as zeros, so that a thin target stays thin whatever
 * its source knows of its holes. For one thread.
 */
final class ThinOutput implements DiskOutput {

  private final DiskOutput output;

  ThinOutput(DiskOutput output) {
    this.output = output;
  }

  @Override
  public void put(Clusters item) throws IOException {
    Optional<Block> data = item.data();
    if (data.isEmpty()) {
      output.put(item);
      return;
    }
    List<BlockParts.Piece> pieces = new ArrayList<>();
    List<ClusterMap.Run> zeros = new ArrayList<>();
    sort(data.get(), pieces, zeros);
    if (zeros.isEmpty()) {
      output.put(item);
      return;
    }
    item.runs().stream().filter(run -> run.kind() == ExtentKind.ZERO).forEach(zeros::add);
    try (BlockParts parts = new BlockParts(data.get())) {
      Optional<Block> left = pieces.isEmpty() ? Optional.empty() : Optional.of(parts.part(pieces));
      output.put(new Clusters(left, Optional.empty(), zeros));
    }
  }

  private static void sort(Block data, List<BlockParts.Piece> pieces, List<ClusterMap.Run> zeros) {
    for (int i = 0; i < data.ranges().size(); i++) {
      ByteBuffer bytes = data.bytes(i);
      for (int at = 0; at < bytes.limit(); at += ClusterMap.CLUSTER_BYTES) {
        int length = Math.min(bytes.limit() - at, ClusterMap.CLUSTER_BYTES);
        if (Zeros.isZero(bytes, at, at + length)) {
          add(zeros, data.ranges().get(i).offset() + at, length);
        } else {
          BlockParts.add(pieces, i, at, length);
        }
      }
    }
  }

  private static void add(List<ClusterMap.Run> zeros, long offset, long length) {
    long start = offset;
    if (!zeros.isEmpty() && zeros.getLast().range().end() == offset) {
      start = zeros.removeLast().range().offset();
    }
    zeros.add(new ClusterMap.Run(new ByteRange(start, offset + length - start), ExtentKind.ZERO));
  }

  @Override
  public BlockReader reader(int blocks) throws IOException {
    return output.reader(blocks);
  }

  @Override
  public Optional<String> checkpoint(long position) throws IOException {
    return output.checkpoint(position);
  }

  @Override
  public void finish() throws IOException {
    output.finish();
  }

  @Override
  public void close() throws IOException {
    output.close();
  }
}
