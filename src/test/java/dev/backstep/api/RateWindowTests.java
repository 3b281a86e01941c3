package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RateWindowTests {

  private static final long SECOND = 1_000_000_000L;

  private final RateWindow window = new RateWindow();

  @Test
  void firstLookSaysNothing() {
    assertThat(window.add(5 * SECOND, 100)).isNull();
  }

  @Test
  void isOfTheLastTenSeconds() {
    window.add(0, 0);
    for (int second = 1; second <= 20; second++) {
      window.add(second * SECOND, 1000L * second);
    }
    for (int second = 21; second <= 31; second++) {
      window.add(second * SECOND, 20_000);
    }

    assertThat(window.add(32 * SECOND, 20_000)).isZero();
  }

  @Test
  void beginsAnewWithTheDisk() {
    window.add(0, 1_000_000);
    window.add(SECOND, 2_000_000);

    assertThat(window.add(2 * SECOND, 0)).isNull();
    assertThat(window.add(3 * SECOND, 500)).isEqualTo(500);
  }

  @Test
  void largeCountsDoNotOverflow() {
    window.add(0, 0);

    assertThat(window.add(SECOND, 1L << 60)).isEqualTo(1L << 60);
  }
}
