package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.MappedBytes;
import dev.backstep.qcow2.Qcow2Writer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Puts copied items into an image: whole blocks, or only what differs from the chain. */
final class ImageFill {

  /** What an image's size is a multiple of. */
  private static final int SECTOR_BYTES = 512;

  private final Qcow2Writer image;

  ImageFill(Qcow2Writer image) {
    this.image = image;
  }

  /** Stores an item and takes it over, also when it throws. */
  void put(Clusters item) throws IOException {
    if (item.data().isEmpty()) {
      try (item) {
        for (ClusterMap.Run run : item.runs()) {
          image.writeZeros(run.range());
        }
      }
    } else if (item.base().isEmpty()
        && item.runs().stream().allMatch(run -> run.kind() == ExtentKind.DATA)) {
      image.write(item.data().get());
    } else {
      putInParts(item, item.data().get());
    }
  }

  /** The data's memory goes back when its last part is written, which may be after this returns. */
  private void putInParts(Clusters item, Block data) throws IOException {
    try (BlockParts parts = new BlockParts(data)) {
      List<BlockParts.Piece> pieces = new ArrayList<>();
      int index = 0;
      for (ClusterMap.Run run : item.runs()) {
        if (run.kind() == ExtentKind.DATA) {
          addPieces(pieces, item, data, index);
          index++;
        } else {
          flush(parts, pieces);
          image.writeZeros(run.range());
        }
      }
      flush(parts, pieces);
    } finally {
      item.base().ifPresent(Block::close);
    }
  }

  private static void addPieces(
      List<BlockParts.Piece> pieces, Clusters item, Block data, int index) {
    int length = Math.toIntExact(data.ranges().get(index).length());
    if (item.base().isEmpty()) {
      pieces.add(new BlockParts.Piece(index, 0, length));
      return;
    }
    ByteBuffer now = data.bytes(index);
    Block base = item.base().get();
    ByteBuffer before = index < base.ranges().size() ? base.bytes(index) : ByteBuffer.allocate(0);
    int from = -1;
    for (int at = 0; at < length; at += ClusterMap.CLUSTER_BYTES) {
      int end = Math.min(length, at + ClusterMap.CLUSTER_BYTES);
      // A disk may end within a sector: the rest of it must read as zeros, whatever the chain has
      // there.
      boolean same =
          end % SECTOR_BYTES == 0
              && end <= before.limit()
              && MappedBytes.equal(now.slice(at, end - at), before.slice(at, end - at));
      if (!same && from < 0) {
        from = at;
      } else if (same && from >= 0) {
        pieces.add(new BlockParts.Piece(index, from, at - from));
        from = -1;
      }
    }
    if (from >= 0) {
      pieces.add(new BlockParts.Piece(index, from, length - from));
    }
  }

  private void flush(BlockParts parts, List<BlockParts.Piece> pieces) throws IOException {
    if (!pieces.isEmpty()) {
      image.write(parts.part(pieces));
      pieces.clear();
    }
  }
}
