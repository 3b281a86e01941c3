package dev.backstep.qcow2;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Forces what a writer has stored, in the background, one checkpoint after the other. For one
 * thread, but for {@link #durable}.
 */
final class WriterCheckpoints {

  private final WriteQueue queue;
  private final ImageOutput output;
  private @Nullable CompletableFuture<Void> latest;
  private volatile @Nullable WriterState durable;

  WriterCheckpoints(WriteQueue queue, ImageOutput output) {
    this.queue = queue;
    this.output = output;
  }

  /** What an earlier process has forced. */
  void resume(WriterState state) {
    durable = state;
  }

  boolean isGoingOn() {
    return latest != null && !latest.isDone();
  }

  /**
   * @param reached what is stored by now, or on its way through the queue
   * @param tables as they are now
   */
  void begin(WriterState reached, WriterTables.Copy tables) {
    latest = queue.barrier().thenRunAsync(() -> force(reached, tables), queue::execute);
  }

  private void force(WriterState reached, WriterTables.Copy tables) {
    try {
      queue.check();
      tables.write(output.file());
      if (output.file().sizeBytes() < reached.hostOffset()) {
        output.file().truncate(reached.hostOffset());
      }
      durable = reached.withChecksums(output.force());
    } catch (IOException e) {
      queue.fail(e);
    }
  }

  /** Waits for the latest one. */
  void join() {
    if (latest != null) {
      latest.join();
      latest = null;
    }
  }

  /**
   * Waits for the latest one.
   *
   * @throws IOException when it, or a write, failed
   */
  void await() throws IOException {
    join();
    queue.check();
  }

  /** The newest state that is forced to disk; empty before the first. Any thread may ask. */
  Optional<WriterState> durable() {
    return Optional.ofNullable(durable);
  }
}
