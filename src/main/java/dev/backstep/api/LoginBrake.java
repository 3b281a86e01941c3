package dev.backstep.api;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Spares the database whoever sends wrong tokens: after some of them those of the address are not
 * looked up for a while, twice as long with each further one, until it has sent none for a while. A
 * right one passes all the while, and changes nothing about that: it may be another caller's behind
 * the same proxy. So no guessing is slowed down, which 256 random bits make needless. Remembers a
 * bounded number of addresses. Thread-safe.
 */
final class LoginBrake {

  private static final Logger log = LoggerFactory.getLogger(LoginBrake.class);

  private static final int FREE_FAILURES = 5;
  private static final Duration WAIT_FIRST = Duration.ofSeconds(1);
  private static final int DOUBLINGS_MAX = 9;
  private static final int ADDRESSES_MAX = 10_000;

  /** After the wait; longer than the longest one, so that who goes on at once is not forgotten. */
  private static final Duration FORGOTTEN_AFTER = Duration.ofMinutes(15);

  private record Failures(int count, long waitUntilNanos) {}

  private final LongSupplier nanos;
  private final Map<String, Failures> failures =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Failures> eldest) {
          return size() > ADDRESSES_MAX;
        }
      };

  /**
   * @param nanos a clock that nobody sets, as {@link System#nanoTime}
   */
  LoginBrake(LongSupplier nanos) {
    this.nanos = nanos;
  }

  /** How long wrong tokens of the address are not looked at; zero when they are. */
  synchronized Duration wait(String address) {
    Failures known = failures.get(address);
    return known == null ? Duration.ZERO : Duration.ofNanos(Math.max(0, left(known)));
  }

  /** Below zero by the time since the wait's end. */
  private long left(Failures known) {
    return known.waitUntilNanos() - nanos.getAsLong();
  }

  synchronized void failed(String address) {
    Failures known = failures.get(address);
    int before = known == null || -left(known) > FORGOTTEN_AFTER.toNanos() ? 0 : known.count();
    int count = before + 1;
    Duration wait =
        count <= FREE_FAILURES
            ? Duration.ZERO
            : WAIT_FIRST.multipliedBy(1L << Math.min(count - FREE_FAILURES - 1, DOUBLINGS_MAX));
    failures.put(address, new Failures(count, nanos.getAsLong() + wait.toNanos()));
    if (count == FREE_FAILURES + 1) {
      log.warn(
          "{} has sent {} tokens that are unknown or revoked; further ones are slowed down, right"
              + " ones from there are not. Is a client left with a token that was revoked?",
          address,
          count);
    }
  }
}
