package dev.backstep.api;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Slows down whoever guesses tokens: after some wrong ones an address waits, twice as long with
 * each further one. Remembers a bounded number of addresses. Thread-safe.
 */
final class LoginBrake {

  private static final int FREE_FAILURES = 5;
  private static final Duration WAIT_FIRST = Duration.ofSeconds(1);
  private static final int DOUBLINGS_MAX = 9;
  private static final int ADDRESSES_MAX = 10_000;

  private record Failures(int count, Instant waitUntil) {}

  private final Clock clock;
  private final Map<String, Failures> failures =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Failures> eldest) {
          return size() > ADDRESSES_MAX;
        }
      };

  LoginBrake(Clock clock) {
    this.clock = clock;
  }

  /** How long the address has to wait before it is listened to; zero when it need not. */
  synchronized Duration wait(String address) {
    Failures known = failures.get(address);
    Duration left =
        known == null ? Duration.ZERO : Duration.between(clock.instant(), known.waitUntil());
    return left.isNegative() ? Duration.ZERO : left;
  }

  synchronized void failed(String address) {
    Failures known = failures.get(address);
    int count = known == null ? 1 : known.count() + 1;
    Duration wait =
        count <= FREE_FAILURES
            ? Duration.ZERO
            : WAIT_FIRST.multipliedBy(1L << Math.min(count - FREE_FAILURES - 1, DOUBLINGS_MAX));
    failures.put(address, new Failures(count, clock.instant().plus(wait)));
  }

  synchronized void succeeded(String address) {
    failures.remove(address);
  }
}
