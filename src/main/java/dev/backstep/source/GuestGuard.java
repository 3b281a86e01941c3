package dev.backstep.source;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at a running VM for as long as a snapshot of it is read, and lets the snapshot go when the
 * VM suffers from it: a lost backup is done again, a guest that stands still is an outage.
 * Thread-safe.
 */
public final class GuestGuard implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(GuestGuard.class);

  /** The VM and its snapshot. */
  public interface Guest {

    /** Why the snapshot must go, one sentence; empty when all is well. */
    Optional<String> trouble() throws SourceException;

    /** Lets the snapshot go, and the VM run on. */
    void release() throws SourceException;
  }

  private final String vm;
  private final Guest guest;
  private final Duration interval;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread;
  private volatile @Nullable String trouble;

  private GuestGuard(String vm, Guest guest, Duration interval) {
    this.vm = vm;
    this.guest = guest;
    this.interval = interval;
    this.thread = Thread.ofPlatform().daemon().name("guard-" + vm).unstarted(this::watch);
  }

  /** Begins to watch; the caller closes it before it ends the snapshot itself. */
  public static GuestGuard start(String vm, Guest guest, Duration interval) {
    GuestGuard guard = new GuestGuard(vm, guest, interval);
    guard.thread.start();
    return guard;
  }

  private void watch() {
    try {
      boolean released = false;
      while (!released && !closed.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
        released = look();
      }
    } catch (InterruptedException e) {
      log.debug("{} is not watched any more", vm, e);
    }
  }

  /** Returns whether the snapshot was let go; what was given up stays given up until it is. */
  private boolean look() {
    try {
      if (trouble == null) {
        Optional<String> found = guest.trouble();
        if (found.isEmpty()) {
          return false;
        }
        trouble = found.get();
        log.error("{}: the snapshot is given up: {}", vm, found.get());
      }
      guest.release();
      return true;
    } catch (SourceException e) {
      String cannot = trouble == null ? "be watched" : "be rid of its snapshot";
      log.warn("{}: cannot {} now: {}", vm, cannot, e.getMessage());
      return false;
    }
  }

  /** Why the snapshot was given up, if it was. */
  public Optional<String> trouble() {
    return Optional.ofNullable(trouble);
  }

  /** Ends the watch; when this returns it does nothing any more. */
  @Override
  public void close() {
    closed.countDown();
    try {
      thread.join();
    } catch (InterruptedException e) {
      log.debug("{}: the watch still ends", vm, e);
    }
  }
}
