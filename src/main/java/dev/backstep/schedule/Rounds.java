package dev.backstep.schedule;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Something that is done again and again by a thread of its own, until it is closed. What fails is
 * tried again in the next round; the first failure of several alike is logged.
 */
final class Rounds implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(Rounds.class);

  /** Many wake-ups at once become one round. */
  private static final Duration PAUSE_MIN = Duration.ofMillis(100);

  private static final Duration CLOSE_MAX = Duration.ofSeconds(20);

  private final String name;
  private final Duration pause;
  private final Runnable round;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private @Nullable Thread thread;
  private boolean woken;
  private boolean closed;
  private @Nullable String failure;

  /**
   * @param pause from the end of a round to the next one, unless it is woken
   */
  Rounds(String name, Duration pause, Runnable round) {
    this.name = name;
    this.pause = pause;
    this.round = round;
  }

  /** Does it to each, whatever becomes of those before, and throws what the first has thrown. */
  static <T> void each(Iterable<T> all, Consumer<T> work) {
    Optional<RuntimeException> fault = Optional.empty();
    for (T one : all) {
      try {
        work.accept(one);
      } catch (RuntimeException e) {
        fault.ifPresent(first -> first.addSuppressed(e));
        fault = fault.or(() -> Optional.of(e));
      }
    }
    if (fault.isPresent()) {
      throw fault.get();
    }
  }

  /** The first round begins at once. */
  void start() {
    lock.lock();
    try {
      closed = false;
      thread = Thread.ofPlatform().daemon().name(name).start(this::run);
    } finally {
      lock.unlock();
    }
  }

  /** Begins the next round soon. */
  void wake() {
    lock.lock();
    try {
      woken = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Lets the round that is being done come to its end, and begins none any more. */
  @Override
  public void close() {
    Thread ending;
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
      ending = thread;
    } finally {
      lock.unlock();
    }
    try {
      if (ending != null && !ending.join(CLOSE_MAX)) {
        log.warn("{}: did not come to its end within {}", name, CLOSE_MAX);
      }
    } catch (InterruptedException e) {
      log.warn("{}: not waited for, since this thread was interrupted", name);
    }
  }

  private void run() {
    while (goesOn()) {
      try {
        round.run();
        failure = null;
      } catch (RuntimeException e) {
        fails(e);
      }
      rest();
    }
  }

  private void fails(RuntimeException e) {
    String text = e.getClass().getName();
    if (text.equals(failure)) {
      log.debug("{}: failed again", name, e);
    } else {
      log.warn("{}: failed, trying again every {}: {}", name, pause, e.getMessage(), e);
      failure = text;
    }
  }

  private boolean goesOn() {
    lock.lock();
    try {
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  private void rest() {
    long end = System.nanoTime() + pause.toNanos();
    long earliest = System.nanoTime() + PAUSE_MIN.toNanos();
    lock.lock();
    try {
      long now = System.nanoTime();
      while (!closed && now < end && !(woken && now >= earliest)) {
        long until = woken ? earliest : end;
        if (!changed.await(until - now, TimeUnit.NANOSECONDS)) {
          log.trace("{}: nobody has woken it", name);
        }
        now = System.nanoTime();
      }
      woken = false;
    } catch (InterruptedException e) {
      log.warn("{}: ends, since it was interrupted", name);
      closed = true;
    } finally {
      lock.unlock();
    }
  }
}
