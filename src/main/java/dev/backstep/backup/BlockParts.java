package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Parts of one block, each a block of its own; the memory goes back when the last part, and this,
 * is closed. Thread-safe as far as {@link Block} asks for.
 */
final class BlockParts implements AutoCloseable {

  private final Block whole;
  private final AtomicInteger open = new AtomicInteger(1);
  private final AtomicBoolean closed = new AtomicBoolean();

  BlockParts(Block whole) {
    this.whole = whole;
  }

  /**
   * A place inside the whole block.
   *
   * @param index the whole block's range
   * @param offset bytes into that range
   * @param length bytes
   */
  record Piece(int index, int offset, int length) {}

  /** Adds a place behind the others, to the last one where it goes on there. */
  static void add(List<Piece> pieces, int index, int offset, int length) {
    if (!pieces.isEmpty()) {
      Piece last = pieces.getLast();
      if (last.index() == index && last.offset() + last.length() == offset) {
        pieces.removeLast();
        pieces.add(new Piece(index, last.offset(), last.length() + length));
        return;
      }
    }
    pieces.add(new Piece(index, offset, length));
  }

  /**
   * @param pieces ascending, at least one
   */
  Block part(List<Piece> pieces) {
    open.incrementAndGet();
    return new Part(List.copyOf(pieces));
  }

  private void closeOne() {
    if (open.decrementAndGet() == 0) {
      whole.close();
    }
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      closeOne();
    }
  }

  private final class Part implements Block {

    private final List<Piece> pieces;
    private final AtomicBoolean partClosed = new AtomicBoolean();

    Part(List<Piece> pieces) {
      this.pieces = pieces;
    }

    @Override
    public List<ByteRange> ranges() {
      return pieces.stream()
          .map(piece ->
              new ByteRange(
                  whole.ranges().get(piece.index()).offset() + piece.offset(), piece.length()))
          .toList();
    }

    @Override
    public ByteBuffer bytes(int index) {
      Piece piece = pieces.get(index);
      return whole.bytes(piece.index()).slice(piece.offset(), piece.length());
    }

    @Override
    public void close() {
      if (partClosed.compareAndSet(false, true)) {
        closeOne();
      }
    }
  }
}
