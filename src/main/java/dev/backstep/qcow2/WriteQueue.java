package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Writes to one file by a few threads, a bounded number of writes in flight. The first failure is
 * kept and meets every later call. Thread-safe.
 */
final class WriteQueue {

  private static final int THREADS = 3;
  private static final int IN_FLIGHT_MAX = 12;

  private final ImageOutput output;
  private final ExecutorService threads;

  /** Forcing waits for the disk; the writing threads go on meanwhile. */
  private final ExecutorService forcing;

  private final Semaphore room = new Semaphore(IN_FLIGHT_MAX);
  private final Set<CompletableFuture<Void>> inFlight = ConcurrentHashMap.newKeySet();
  private final AtomicReference<@Nullable IOException> failure = new AtomicReference<>();

  WriteQueue(ImageOutput output, String name) {
    this.output = output;
    this.threads =
        Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().daemon().name("write-" + name + "-", 0).factory());
    this.forcing =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("force-" + name).factory());
  }

  /**
   * Writes bytes, for good, some time from now; waits while too many writes are in flight.
   *
   * @param done called once when the bytes are written or have failed
   */
  void write(ByteBuffer bytes, long offset, Runnable done) throws IOException {
    room.acquireUninterruptibly();
    CompletableFuture<Void> written = new CompletableFuture<>();
    try {
      check();
      ImageOutput.Write write = output.prepare(bytes, offset);
      inFlight.add(written);
      threads.execute(() -> {
        try {
          write.run();
        } catch (IOException e) {
          fail(e);
        } catch (RuntimeException | Error e) {
          fail(new IOException("writing at byte " + offset + " failed: " + e, e));
        } finally {
          finish(written, done);
        }
      });
    } catch (IOException | RuntimeException | Error e) { // also of a mapped file that was cut
      finish(written, done);
      throw e;
    }
  }

  private void finish(CompletableFuture<Void> written, Runnable done) {
    try {
      done.run();
    } finally {
      inFlight.remove(written);
      written.complete(null);
      room.release();
    }
  }

  /**
   * Waits for all writes.
   *
   * @throws IOException when one failed
   */
  void drain() throws IOException {
    barrier().join();
    check();
  }

  /** Completes when every write that was handed in before this call is done, well or not. */
  CompletableFuture<Void> barrier() {
    return CompletableFuture.allOf(inFlight.toArray(CompletableFuture[]::new));
  }

  /** Runs a task beside the writing threads, one after the other. */
  void execute(Runnable task) {
    forcing.execute(task);
  }

  void fail(IOException e) {
    failure.compareAndSet(null, e);
  }

  /**
   * @throws IOException the first failure, if any
   */
  void check() throws IOException {
    IOException first = failure.get();
    if (first != null) {
      throw new IOException(first.getMessage(), first);
    }
  }

  /** Waits for what is in flight and ends the threads. */
  void close() throws IOException {
    threads.shutdown();
    forcing.shutdown();
    try {
      while (!threads.awaitTermination(1, TimeUnit.MINUTES)
          || !forcing.awaitTermination(1, TimeUnit.MINUTES)) {
        check();
      }
    } catch (InterruptedException e) {
      throw new IOException("interrupted while the last writes were going on", e);
    }
  }
}
