package dev.backstep.source;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** Reads a snapshot that may be given up meanwhile, and says why it was when reading fails. */
final class GuardedReader implements BlockReader {

  private final BlockReader reader;
  private final Supplier<Optional<String>> trouble;

  GuardedReader(BlockReader reader, Supplier<Optional<String>> trouble) {
    this.reader = reader;
    this.trouble = trouble;
  }

  @Override
  public long sizeBytes() {
    return reader.sizeBytes();
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException {
    try {
      return reader
          .read(ranges)
          .exceptionallyCompose(failure -> CompletableFuture.failedFuture(told(failure)));
    } catch (IOException e) {
      throw told(e, trouble);
    }
  }

  private Throwable told(Throwable failure) {
    return failure instanceof IOException io ? told(io, trouble) : failure;
  }

  /** The failure, or the trouble that led to it. */
  static IOException told(IOException failure, Supplier<Optional<String>> trouble) {
    Optional<String> known = trouble.get();
    return known.isEmpty()
        ? failure
        : new SourceException(
            SourceException.Kind.FAILED, "the snapshot was given up: " + known.get(), failure);
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
