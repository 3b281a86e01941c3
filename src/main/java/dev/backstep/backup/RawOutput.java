package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.DirectFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A raw file as the target of a restore: written by several threads, sparse where nothing is put.
 */
final class RawOutput implements DiskOutput {

  private static final int WRITERS = 3;
  private static final int IN_FLIGHT_MAX = 6;

  private final DirectFile file;
  private final long sizeBytes;
  private final ExecutorService writers =
      Executors.newFixedThreadPool(
          WRITERS, Thread.ofPlatform().daemon().name("restore-", 0).factory());
  private final Semaphore inFlight = new Semaphore(IN_FLIGHT_MAX);
  private final AtomicReference<@Nullable IOException> failure = new AtomicReference<>();

  RawOutput(Path path, long sizeBytes) throws IOException {
    this.file = DirectFile.create(path);
    this.sizeBytes = sizeBytes;
  }

  @Override
  public void put(Clusters item) throws IOException {
    inFlight.acquireUninterruptibly();
    IOException failed = failure.get();
    if (failed != null) {
      item.close();
      inFlight.release();
      throw new IOException(failed.getMessage(), failed);
    }
    writers.execute(() -> write(item));
  }

  private void write(Clusters item) {
    try (item) {
      if (item.data().isPresent()) {
        Block block = item.data().get();
        for (int i = 0; i < block.ranges().size(); i++) {
          file.write(block.bytes(i), block.ranges().get(i).offset());
        }
      }
    } catch (IOException e) {
      failure.compareAndSet(null, e);
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, new IOException(e));
    } finally {
      inFlight.release();
    }
  }

  @Override
  public void finish() throws IOException {
    inFlight.acquireUninterruptibly(IN_FLIGHT_MAX);
    inFlight.release(IN_FLIGHT_MAX);
    IOException failed = failure.get();
    if (failed != null) {
      throw new IOException(failed.getMessage(), failed);
    }
    file.truncate(sizeBytes);
    file.force();
  }

  @Override
  public void close() throws IOException {
    writers.shutdown();
    boolean ended = false;
    while (!ended) {
      try {
        ended = writers.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        throw new IOException("interrupted while the last blocks were written", e);
      }
    }
    file.close();
  }
}
