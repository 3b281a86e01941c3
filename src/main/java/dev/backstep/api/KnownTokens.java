package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;

/**
 * Which tokens are worth a look into the database while their address sends wrong ones. However
 * many come, the database is asked for all of the good ones once a second at most. Keeps hashes
 * only. Thread-safe.
 */
final class KnownTokens {

  private static final Logger log = LoggerFactory.getLogger(KnownTokens.class);

  /** What is known of a token. */
  enum Answer {
    /** It was a moment ago; one that was revoked since may be among them. */
    GOOD,
    /** None of the good ones. */
    WRONG,
    /** The good ones are not known: the database has not said them. */
    NOT_READ
  }

  private static final long READ_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Longer than a database takes that answers. */
  private static final long READING_MAX_SECONDS = 1;

  private final ApiTokens tokens;
  private final LongSupplier nanos;
  private final Set<String> hashes = ConcurrentHashMap.newKeySet();
  private final ReentrantLock reading = new ReentrantLock();
  private volatile long readAgainAt;
  private volatile boolean answered;

  /**
   * @param nanos a clock that nobody sets, as {@link System#nanoTime}
   */
  KnownTokens(ApiTokens tokens, LongSupplier nanos) {
    this.tokens = tokens;
    this.nanos = nanos;
    this.readAgainAt = nanos.getAsLong();
  }

  Answer look(String secret) {
    String hash = ApiTokens.hash(secret);
    if (hashes.contains(hash)) {
      return Answer.GOOD;
    }
    boolean read = isRead();
    return hashes.contains(hash) ? Answer.GOOD : read ? Answer.WRONG : Answer.NOT_READ;
  }

  /** Nobody waits for long for a database that another one waits for. */
  private boolean isRead() {
    if (isFresh()) {
      return answered;
    }
    if (!isReading()) {
      return false;
    }
    try {
      if (isFresh()) {
        return answered; // another one has read them meanwhile
      }
      answered = false;
      Set<String> good = tokens.hashes();
      hashes.retainAll(good);
      hashes.addAll(good);
      answered = true;
    } catch (DataAccessException e) {
      log.debug("the database does not say which tokens are good", e);
    } finally {
      readAgainAt = nanos.getAsLong() + READ_AGAIN_NANOS;
      reading.unlock();
    }
    return answered;
  }

  private boolean isFresh() {
    return nanos.getAsLong() - readAgainAt < 0;
  }

  /** Whether this thread is the one that reads, when whoever did so has ended. */
  private boolean isReading() {
    try {
      return reading.tryLock(READING_MAX_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      return false; // nobody does that
    }
  }

  void good(String secret) {
    hashes.add(ApiTokens.hash(secret));
  }

  void wrong(String secret) {
    hashes.remove(ApiTokens.hash(secret));
  }
}
