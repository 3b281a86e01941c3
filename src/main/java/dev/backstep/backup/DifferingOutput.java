package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.MappedBytes;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Passes on only what the target does not hold already: items carry the target's bytes as their
 * base. For one thread.
 */
final class DifferingOutput implements DiskOutput {

  private final DiskOutput output;
  private long bytesPassedOn;

  DifferingOutput(DiskOutput output) {
    this.output = output;
  }

  /** Bytes that differed. */
  long bytesPassedOn() {
    return bytesPassedOn;
  }

  @Override
  public void put(Clusters item) throws IOException {
    Optional<Block> data = item.data();
    if (data.isEmpty()) {
      output.put(item);
      return;
    }
    try (BlockParts parts = new BlockParts(data.get())) {
      List<BlockParts.Piece> pieces = pieces(data.get(), item.base());
      if (pieces.isEmpty()) {
        return;
      }
      Block differing = parts.part(pieces);
      List<ClusterMap.Run> runs =
          differing.ranges().stream()
              .map(range -> new ClusterMap.Run(range, ExtentKind.DATA))
              .toList();
      bytesPassedOn += differing.ranges().stream().mapToLong(ByteRange::length).sum();
      output.put(new Clusters(Optional.of(differing), Optional.empty(), runs));
    } finally {
      item.base().ifPresent(Block::close);
    }
  }

  private static List<BlockParts.Piece> pieces(Block data, Optional<Block> held) {
    List<BlockParts.Piece> pieces = new ArrayList<>();
    for (int i = 0; i < data.ranges().size(); i++) {
      ByteBuffer wanted = data.bytes(i);
      ByteBuffer there =
          held.isPresent() && i < held.get().ranges().size()
              ? held.get().bytes(i)
              : ByteBuffer.allocate(0);
      int length = wanted.limit();
      for (int at = 0; at < length; at += ClusterMap.CLUSTER_BYTES) {
        int part = Math.min(length - at, ClusterMap.CLUSTER_BYTES);
        boolean same =
            at + part <= there.limit()
                && MappedBytes.equal(wanted.slice(at, part), there.slice(at, part));
        if (!same) {
          BlockParts.add(pieces, i, at, part);
        }
      }
    }
    return pieces;
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
