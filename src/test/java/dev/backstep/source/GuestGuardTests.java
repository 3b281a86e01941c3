package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class GuestGuardTests {

  /** In trouble at the first look, and let go only when it is tried for the third time. */
  private static final class Guest implements GuestGuard.Guest {
    private final AtomicInteger looks = new AtomicInteger();
    private final CountDownLatch tries = new CountDownLatch(3);

    @Override
    public Optional<String> trouble() {
      return looks.incrementAndGet() == 1 ? Optional.of("no room") : Optional.empty();
    }

    @Override
    public void release() throws SourceException {
      tries.countDown();
      if (tries.getCount() > 0) {
        throw new SourceException(SourceException.Kind.UNREACHABLE, "no answer");
      }
    }
  }

  @Test
  void snapshotThatWasGivenUpIsLetGoAsSoonAsThatCanBeDone() throws Exception {
    Guest guest = new Guest();
    try (GuestGuard guard = GuestGuard.start("web", guest, Duration.ofMillis(5))) {
      assertThat(guest.tries.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(guard.trouble()).contains("no room");
    }
    assertThat(guest.looks).hasValue(1);
  }
}
