package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.RawFileReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A raw file or block device as the target of a restore, written by several threads. */
final class RawOutput implements DiskOutput {

  private static final int WRITERS = 3;
  private static final int IN_FLIGHT_MAX = 6;

  private final Path path;
  private final DirectFile file;
  private final Optional<DiskLock> lock;
  private final long sizeBytes;
  private final boolean resizes;
  private final ExecutorService writers =
      Executors.newFixedThreadPool(
          WRITERS, Thread.ofPlatform().daemon().name("restore-", 0).factory());
  private final Semaphore inFlight = new Semaphore(IN_FLIGHT_MAX);
  private final AtomicReference<@Nullable IOException> failure = new AtomicReference<>();

  private RawOutput(
      Path path, DirectFile file, Optional<DiskLock> lock, long sizeBytes, boolean resizes) {
    this.path = path;
    this.file = file;
    this.lock = lock;
    this.sizeBytes = sizeBytes;
    this.resizes = resizes;
  }

  /**
   * A new file.
   *
   * @param goesOn whether it is there, from an earlier try
   */
  static RawOutput made(Path path, long sizeBytes, boolean goesOn) throws IOException {
    DirectFile file = goesOn ? DirectFile.open(path) : DirectFile.create(path);
    return new RawOutput(path, file, Optional.empty(), sizeBytes, true);
  }

  /**
   * A file or device that is there and large enough, or a file that grows.
   *
   * @throws dev.backstep.blockio.DiskInUseException when another program has it
   */
  static RawOutput existing(Path path, long sizeBytes, boolean grows) throws IOException {
    DiskLock lock = DiskLock.exclusive(path);
    try {
      return new RawOutput(path, DirectFile.open(path), Optional.of(lock), sizeBytes, grows);
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  @Override
  public BlockReader reader(int blocks) throws IOException {
    return RawFileReader.open(path, blocks);
  }

  @Override
  public void put(Clusters item) throws IOException {
    inFlight.acquireUninterruptibly();
    try {
      refuseAfterFailure();
    } catch (IOException e) {
      item.close();
      inFlight.release();
      throw e;
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
      for (ClusterMap.Run run : item.runs()) {
        if (run.kind() == ExtentKind.ZERO) {
          file.zero(run.range().offset(), run.range().length());
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

  private void settle() throws IOException {
    inFlight.acquireUninterruptibly(IN_FLIGHT_MAX);
    inFlight.release(IN_FLIGHT_MAX);
    refuseAfterFailure();
  }

  private void refuseAfterFailure() throws IOException {
    IOException failed = failure.get();
    if (failed != null) {
      throw new IOException(failed.getMessage(), failed);
    }
  }

  @Override
  public Optional<String> checkpoint(long position) throws IOException {
    settle();
    file.force();
    return Optional.of(String.valueOf(position));
  }

  @Override
  public void finish() throws IOException {
    settle();
    if (resizes) {
      file.truncate(sizeBytes);
    }
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
    try {
      file.close();
    } finally {
      lock.ifPresent(DiskLock::close);
    }
  }
}
