package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Reads the chain that an incremental stands on, and tells its failures from those of the disk: as
 * {@link UnreadableBaseException}.
 */
record BaseReader(BlockReader chain) implements BlockReader {

  @Override
  public long sizeBytes() {
    return chain.sizeBytes();
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException {
    try {
      return chain.read(ranges).exceptionallyCompose(e -> CompletableFuture.failedFuture(of(e)));
    } catch (IOException e) {
      throw of(e);
    }
  }

  private static UnreadableBaseException of(Throwable e) {
    return new UnreadableBaseException(
        e instanceof CompletionException && e.getCause() != null ? e.getCause() : e);
  }

  @Override
  public void close() throws IOException {
    chain.close();
  }
}
