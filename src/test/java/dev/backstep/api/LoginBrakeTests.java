package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class LoginBrakeTests {

  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-11-23T01:00:00Z"));
  private final InstantSource time = now::get;
  private final LoginBrake brake = new LoginBrake(time.withZone(ZoneOffset.UTC));

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

    now.set(now.get().plusSeconds(5));
    assertThat(brake.wait("a")).isEqualTo(Duration.ofSeconds(3));
    now.set(now.get().plusSeconds(4));
    assertThat(brake.wait("a")).isZero();
  }

  @Test
  void otherAddressesAreNotHeldUpAndARightTokenForgives() {
    fail("a", 9);

    assertThat(brake.wait("b")).isZero();
    brake.succeeded("a");
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
