package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.LibvirtLibrary.Function;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One daemon. The connection is kept for calls that follow, opened again when it broke, and closed
 * when nobody asks. Each call is made on a thread that is not the caller's: one that takes longer
 * than the limit, or whose caller is interrupted, is given up with its connection. Its thread goes
 * on until libvirt lets it go, which it does when the daemon ends or answers no sign of life. No
 * call is made while {@link #HANGING_MAX} hang, so that no more wait than were under way when those
 * were given up. Thread-safe.
 */
final class LibvirtConnection {

  static final int HANGING_MAX = 4;

  /** A daemon that lets so many signs of life go unanswered is gone. */
  private static final int KEEP_ALIVE_SECONDS = 10;

  private static final int KEEP_ALIVE_COUNT = 3;
  private static final Duration IDLE = Duration.ofSeconds(30);

  /** Platform threads: libvirt keeps errors by thread. */
  private static final ThreadPoolExecutor THREADS =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          IDLE.toSeconds(),
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Thread.ofPlatform().daemon().name("libvirt-", 0).factory());

  private final LibvirtLibrary library;
  private final String uri;
  private final Duration limit;
  private final AtomicInteger hanging = new AtomicInteger();
  private @Nullable Session current;

  /**
   * @param limit how long a call may take
   */
  LibvirtConnection(LibvirtLibrary library, String uri, Duration limit) {
    this.library = library;
    this.uri = uri;
    this.limit = limit;
  }

  String uri() {
    return uri;
  }

  /** What is done with an open connection, on a thread of its own. */
  interface Work<T> {
    /**
     * @param connect a {@code virConnectPtr}
     * @param over whether nobody waits for it any more
     */
    T with(MemorySegment connect, BooleanSupplier over) throws SourceException;
  }

  /** An open connection and how many calls use it. */
  private static final class Session {
    private final MemorySegment connect;
    private int users;
    private long usedNanos = System.nanoTime();

    Session(MemorySegment connect) {
      this.connect = connect;
    }
  }

  /** How many calls were given up and have not ended. */
  int hanging() {
    return hanging.get();
  }

  /** Whether so many hang that no more are made. */
  boolean isStuck() {
    return hanging() >= HANGING_MAX;
  }

  /**
   * Makes a call.
   *
   * @param what it is, for messages
   * @throws SourceException UNREACHABLE when it takes too long
   */
  <T> T ask(String what, Work<T> work) throws SourceException {
    if (isStuck()) {
      throw unreachable(what + " at " + uri + ": not asked, " + HANGING_MAX + " calls still hang");
    }
    CompletableFuture<T> answer = new CompletableFuture<>();
    AtomicBoolean over = new AtomicBoolean();
    THREADS.execute(() -> {
      try {
        answerTo(answer, work, over::get);
      } finally {
        if (!over.compareAndSet(false, true)) {
          hanging.decrementAndGet();
        }
      }
    });
    try {
      return answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      giveUp(over);
      throw unreachable(
          what + " at " + uri + ": libvirt has not answered after " + limit.toSeconds() + " s");
    } catch (InterruptedException e) {
      giveUp(over);
      throw new SourceException(
          SourceException.Kind.FAILED, what + " at " + uri + ": interrupted while it ran", e);
    } catch (ExecutionException e) {
      throw thrown(e);
    }
  }

  /** Its thread goes on, with a connection that nobody else is to wait at. */
  private void giveUp(AtomicBoolean over) {
    hanging.incrementAndGet();
    if (!over.compareAndSet(false, true)) {
      hanging.decrementAndGet(); // it has ended just now
    }
    forget();
  }

  private static SourceException unreachable(String message) {
    return new SourceException(SourceException.Kind.UNREACHABLE, message);
  }

  private static SourceException thrown(ExecutionException e) {
    if (e.getCause() instanceof SourceException refusal) {
      return refusal;
    }
    throw new IllegalStateException(e.getCause());
  }

  private <T> void answerTo(CompletableFuture<T> answer, Work<T> work, BooleanSupplier over) {
    try {
      library.speakEnglish();
      Session session = session();
      try {
        answer.complete(work.with(session.connect, over));
      } finally {
        release(session);
      }
    } catch (Throwable e) { // a caller that is told nothing waits as long as for one that hangs
      answer.completeExceptionally(e);
    }
  }

  /** The caller is one of its users then. */
  private Session session() throws SourceException {
    Session kept = kept();
    if (kept != null) {
      return kept;
    }
    Session opened = open(); // not under the lock: a daemon that stands still does not answer
    opened.users = 1;
    Session before;
    synchronized (this) {
      before = current;
      current = opened;
    }
    closeUnused(before);
    return opened;
  }

  private @Nullable Session kept() {
    Session broken;
    synchronized (this) {
      Session kept = current;
      if (kept == null) {
        return null;
      }
      if (isAlive(kept.connect)) {
        kept.users++;
        return kept;
      }
      broken = kept;
      current = null;
    }
    closeUnused(broken);
    return null;
  }

  /** Whether a connection is, as far as is known without asking. */
  boolean isAlive(MemorySegment connect) {
    return library.number(Function.IS_ALIVE, connect) > 0;
  }

  private Session open() throws SourceException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment connect = library.pointer(Function.OPEN, arena.allocateFrom(uri));
      if (connect.address() == 0) {
        throw new ControlException(
            ControlException.Why.NO_DAEMON,
            "failed to connect to the hypervisor at " + uri + ": " + library.error());
      }
      // One that cannot tell, as a driver inside this process, is not less of use.
      library.number(Function.KEEP_ALIVE, connect, KEEP_ALIVE_SECONDS, KEEP_ALIVE_COUNT);
      return new Session(connect);
    }
  }

  /** The next call opens another one. */
  private void forget() {
    Session forgotten;
    synchronized (this) {
      forgotten = current;
      current = null;
    }
    THREADS.execute(() -> closeUnused(forgotten)); // which the daemon is told, and may not answer
  }

  /** Closes one that is not the current one; with users, the last of them does. */
  private void closeUnused(@Nullable Session session) {
    if (session == null) {
      return;
    }
    boolean unused;
    synchronized (this) {
      unused = session != current && session.users == 0;
      if (unused) {
        session.users = -1; // closed once
      }
    }
    if (unused) {
      library.number(Function.CLOSE, session.connect);
    }
  }

  private void release(Session session) {
    boolean idle;
    synchronized (this) {
      session.users--;
      session.usedNanos = System.nanoTime();
      idle = session == current && session.users == 0;
    }
    if (idle) {
      later().execute(() -> closeIdle(session));
    } else {
      closeUnused(session);
    }
  }

  private static Executor later() {
    return CompletableFuture.delayedExecutor(IDLE.toMillis(), TimeUnit.MILLISECONDS, THREADS);
  }

  /** A daemon that ends itself when nobody is connected can do so. */
  private void closeIdle(Session session) {
    synchronized (this) {
      boolean used = session.users > 0 || System.nanoTime() - session.usedNanos < IDLE.toNanos();
      if (session != current || used) {
        return;
      }
      current = null;
    }
    closeUnused(session);
  }
}
