package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import dev.backstep.job.DiskProgress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressViewTests {

  private static final long MIB = 1 << 20;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final HandClock clock = new HandClock();

  /** A clock that goes only when told to. */
  private static final class HandClock extends Clock {
    private Instant now = Instant.parse("2026-11-23T01:00:00Z");

    void forward(Duration time) {
      now = now.plus(time);
    }

    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  private ProgressView view(boolean interactive, int columns) {
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    return new ProgressView(new Terminal(stream, stream, interactive, columns), clock);
  }

  private String taken() {
    String text = out.toString(StandardCharsets.UTF_8);
    out.reset();
    return text;
  }

  private static DiskProgress running(long done, long total) {
    return new DiskProgress(
        0, "vda", Status.RUNNING, Level.INCREMENTAL, Reason.CHANGED_EXTENTS, done, total);
  }

  private static DiskProgress planning(int diskId) {
    return new DiskProgress(diskId, "vd" + diskId, Status.RUNNING, null, null, 0, 0);
  }

  @Test
  void drawsLevelShareRateAndTimeLeft() {
    ProgressView view = view(true, 100);

    view.show(List.of(running(0, 100 * MIB)));
    clock.forward(Duration.ofSeconds(2));
    taken();
    view.show(List.of(running(40 * MIB, 100 * MIB)));

    assertThat(taken())
        .isEqualTo(
            "\u001b[1A\r"
                + "\u001b[Jdisk 0 vda          incremental [########............]  40%  20.0 MiB/s "
                + " 3s left\n");
  }

  @Test
  void redrawsAsManyLinesAsItDrewAndClearsThem() {
    ProgressView view = view(true, 80);

    view.show(List.of(planning(0), planning(1)));
    assertThat(taken()).startsWith("\r\u001b[J").contains("planning");
    view.show(List.of(planning(0)));
    assertThat(taken()).startsWith("\u001b[2A");
    view.clear();
    assertThat(taken()).isEqualTo("\u001b[1A\r\u001b[J");
    view.clear();
    assertThat(taken()).isEmpty();
  }

  @Test
  void neverWrapsALine() {
    ProgressView view = view(true, 40);

    view.show(List.of(running(1, 100 * MIB)));

    assertThat(taken().replaceAll("\u001b\\[J|\r", "").lines())
        .allMatch(line -> line.length() < 40);
  }

  @Test
  void controlCharactersOfAKeyNeverReachTheTerminal() {
    for (boolean interactive : new boolean[] {true, false}) {
      ProgressView view = view(interactive, 80);

      view.show(List.of(new DiskProgress(0, "a\u001b[2Jb\nc", Status.RUNNING, null, null, 0, 0)));

      assertThat(taken().replace("\u001b[J", "")).doesNotContain("\u001b[2J", "b\nc");
    }
  }

  @Test
  void printsALineWhenAStateChangesAndEveryTenSeconds() {
    ProgressView view = view(false, 80);

    view.show(List.of(new DiskProgress(0, "vda", Status.PENDING, null, null, 0, 0)));
    assertThat(taken()).isEmpty();
    view.show(List.of(running(0, 100 * MIB)));
    assertThat(taken().strip())
        .isEqualTo("disk 0 vda: incremental (CHANGED_EXTENTS), 0% of 100 MiB");
    clock.forward(Duration.ofSeconds(5));
    view.show(List.of(running(50 * MIB, 100 * MIB)));
    assertThat(taken()).isEmpty();
    clock.forward(Duration.ofSeconds(5));
    view.show(List.of(running(75 * MIB, 100 * MIB)));
    assertThat(taken().strip())
        .isEqualTo("disk 0 vda: incremental (CHANGED_EXTENTS), 75% of 100 MiB, 7.5 MiB/s, 4s left");
    view.show(
        List.of(
            new DiskProgress(
                0, "vda", Status.COMPLETED, Level.FULL, Reason.NO_BASELINE, MIB, MIB)));
    assertThat(taken().strip())
        .isEqualTo("disk 0 vda: full (NO_BASELINE), 100% of 1.0 MiB, completed");
    clock.forward(Duration.ofMinutes(1));
    view.show(
        List.of(
            new DiskProgress(
                0, "vda", Status.COMPLETED, Level.FULL, Reason.NO_BASELINE, MIB, MIB)));
    assertThat(taken()).isEmpty();
  }

  @Test
  void promisesNothingWhileNothingMoves() {
    ProgressView view = view(true, 100);

    view.show(List.of(running(0, 100 * MIB)));
    clock.forward(Duration.ofSeconds(5));
    view.show(List.of(running(0, 100 * MIB)));

    assertThat(taken()).contains("0 B/s").doesNotContain("left");
  }

  @Test
  void aRateForgetsOldTimesAndNumbersThatWentBack() {
    Rate rate = new Rate();
    Instant start = clock.instant();
    rate.add(start, 0);
    rate.add(start.plusSeconds(100), 1000);
    rate.add(start.plusSeconds(101), 1100);

    assertThat(rate.bytesPerSecond()).contains(100L);
    assertThat(rate.left(1001)).contains(Duration.ofSeconds(11));
    rate.add(start.plusSeconds(102), 5);
    assertThat(rate.bytesPerSecond()).isEmpty();
    assertThat(rate.left(1)).isEmpty();
  }

  @Test
  void sizesSharesAndTimesReadWell() {
    assertThat(Sizes.bytes(0)).isEqualTo("0 B");
    assertThat(Sizes.bytes(1023)).isEqualTo("1023 B");
    assertThat(Sizes.bytes(1536)).isEqualTo("1.5 KiB");
    assertThat(Sizes.bytes((1L << 30) - 1)).isEqualTo("1.0 GiB");
    assertThat(Sizes.bytes(Long.MAX_VALUE)).isEqualTo("8.0 EiB");
    assertThat(Sizes.percent(999, 1000)).isEqualTo(99);
    assertThat(Sizes.percent(0, 0)).isEqualTo(100);
    assertThat(Sizes.percent(2000, 1000)).isEqualTo(100);
    assertThat(Sizes.time(Duration.ofSeconds(-4))).isEqualTo("0s");
    assertThat(Sizes.time(Duration.ofSeconds(185))).isEqualTo("3m05s");
    assertThat(Sizes.time(Duration.ofMinutes(130))).isEqualTo("2h10m");
  }
}
