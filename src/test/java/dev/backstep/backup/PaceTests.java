package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class PaceTests {

  private static int blocks(int copied, Duration took) {
    Pace pace = new Pace(0);
    for (int i = 0; i < copied; i++) {
      pace.copied();
    }
    return pace.blocks(took.toNanos());
  }

  @Test
  void beginsWithOneBlock() {
    assertThat(new Pace(0).blocks(1)).isEqualTo(1);
  }

  @Test
  void itemIsWhatWasCopiedInTenMilliseconds() {
    assertThat(blocks(12, Duration.ofMillis(24))).isEqualTo(5);
  }

  @Test
  void slowDisksHaveItemsOfOneBlock() {
    assertThat(blocks(1, Duration.ofHours(1))).isEqualTo(1);
  }

  @Test
  void fastDisksHaveItemsOfBoundedSize() {
    assertThat(blocks(1000, Duration.ofNanos(0))).isEqualTo(Pace.BLOCKS_MAX);
  }

  @Test
  void itemsOfOneChunkAreAlike() {
    Pace pace = new Pace(0);
    pace.copied();
    int first = pace.blocks(1_000_000);

    assertThat(pace.blocks(900_000_000)).isEqualTo(first);
  }
}
