package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LoginBrakeTests {

  /** Its origin is arbitrary, and it may overflow. */
  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE);

  private final LoginBrake brake = new LoginBrake(nanos::get);

  private void pass(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  private void fail(String address, int times) {
    for (int i = 0; i < times; i++) {
      brake.failed(address);
    }
  }

  @Test
  void fewTyposCostNothing() {
    fail("a", 5);

    assertThat(brake.wait("a")).isZero();
  }

  @Test
  void eachFurtherGuessDoublesTheWaitUpToMinutes() {
    fail("a", 6);
    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(1));

    fail("a", 3);
    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(8));

    fail("a", 100);
    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(512));
  }

  @Test
  void waitPassesWithTime() {
    fail("a", 9);

    pass(Duration.ofSeconds(5));
    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(3));
    pass(Duration.ofSeconds(4));
    assertThat(brake.wait("a")).isZero();
  }

  @Test
  void otherAddressesAreNotHeldUp() {
    fail("a", 9);

    assertThat(brake.wait("b")).isZero();
  }

  @Test
  void whoGoesOnAtOnceIsNotForgotten() {
    fail("a", 20);
    pass(Duration.ofSeconds(513));

    fail("a", 1);

    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(512));
  }

  @Test
  void wrongTokensOfLongAgoAreForgiven() {
    fail("a", 7);
    pass(Duration.ofMinutes(16));

    fail("a", 5);

    assertThat(brake.wait("a")).isZero();
  }

  @Test
  void addressesWithoutNumberAreForgottenAgain() {
    fail("first", 9);
    for (int i = 0; i < 10_000; i++) {
      brake.failed("address-" + i);
    }

    assertThat(brake.wait("first")).isZero();
  }
}
