package dev.backstep.blockio;

import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;

/**
 * Reads through another reader, whose failures whoever made this tells in their own words. As
 * thread-safe as that reader, which is closed with this.
 *
 * @param words what is thrown for what that reader threw
 */
public record RetoldReader(BlockReader reader, UnaryOperator<IOException> words)
    implements BlockReader {

  @Override
  public long sizeBytes() {
    return reader.sizeBytes();
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException {
    try {
      return reader
          .read(ranges)
          .exceptionallyCompose(failure -> CompletableFuture.failedFuture(retold(failure)));
    } catch (IOException e) {
      throw words.apply(e);
    }
  }

  private Throwable retold(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException wrapped && wrapped.getCause() != null
            ? wrapped.getCause()
            : failure;
    return cause instanceof IOException io ? words.apply(io) : cause;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
