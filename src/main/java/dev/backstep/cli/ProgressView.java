package dev.backstep.cli;

import dev.backstep.domain.Status;
import dev.backstep.job.DiskProgress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Shows how far the disks are: lines that are redrawn where somebody watches, else a line per disk
 * whenever it enters another state and at most every ten seconds.
 */
final class ProgressView {

  private static final Duration LINE_PERIOD = Duration.ofSeconds(10);
  private static final int BAR_CELLS = 20;
  private static final int KEY_CELLS = 12;

  private final Terminal terminal;
  private final Clock clock;
  private final Map<Integer, Rate> rates = new HashMap<>();
  private final Map<Integer, String> states = new HashMap<>();
  private final Map<Integer, Instant> printed = new HashMap<>();
  private int linesDrawn;

  ProgressView(Terminal terminal, Clock clock) {
    this.terminal = terminal;
    this.clock = clock;
  }

  /**
   * What one line is about.
   *
   * @param what the kind of copy, empty until it is known
   * @param why behind {@code what}, may be empty
   */
  record Line(
      int diskId,
      String diskKey,
      String what,
      String why,
      Status status,
      long bytesDone,
      long bytesTotal) {

    static Line of(DiskProgress disk) {
      return new Line(
          disk.diskId(),
          disk.diskKey(),
          disk.level() == null ? "" : disk.level().word(),
          disk.reason() == null ? "" : " (" + disk.reason() + ")",
          disk.status(),
          disk.bytesDone(),
          disk.bytesTotal());
    }
  }

  /** Shows this moment. */
  void show(List<DiskProgress> disks) {
    showLines(disks.stream().map(Line::of).toList());
  }

  /** Shows this moment. */
  void showLines(List<Line> disks) {
    Instant now = clock.instant();
    disks.forEach(
        disk -> rates.computeIfAbsent(disk.diskId(), id -> new Rate()).add(now, disk.bytesDone()));
    if (terminal.interactive()) {
      redraw(disks.stream().map(this::bar).toList());
    } else {
      disks.stream().filter(disk -> isDue(disk, now)).forEach(this::print);
    }
  }

  /** Shows this moment of work that is not about disks: one bar for all of it. */
  void showTotal(String what, long bytesDone, long bytesTotal) {
    if (terminal.interactive()) {
      int percent = Sizes.percent(bytesDone, bytesTotal);
      Rate rate = rates.computeIfAbsent(0, id -> new Rate());
      rate.add(clock.instant(), bytesDone);
      List<String> parts = new ArrayList<>();
      rate.bytesPerSecond().ifPresent(bytes -> parts.add(Sizes.bytes(bytes) + "/s"));
      rate.left(bytesTotal - bytesDone).ifPresent(left -> parts.add(Sizes.time(left) + " left"));
      int full = BAR_CELLS * percent / 100;
      redraw(
          List.of(
              String.format(
                  Locale.ROOT,
                  "%s [%s%s] %3d%%  %s",
                  what,
                  "#".repeat(full),
                  ".".repeat(BAR_CELLS - full),
                  percent,
                  String.join("  ", parts))));
    }
  }

  /** Redraws how many of things are done. */
  void showCount(String what, int done, int of) {
    if (terminal.interactive()) {
      redraw(List.of(what + " " + done + " of " + of));
    }
  }

  /** Clears the lines that were redrawn, so that the result can stand in their place. */
  void clear() {
    if (linesDrawn > 0) {
      redraw(List.of());
    }
  }

  private void redraw(List<String> lines) {
    StringBuilder screen = new StringBuilder();
    if (linesDrawn > 0) {
      screen.append("\u001b[").append(linesDrawn).append('A');
    }
    // Below the cursor everything is ours.
    screen.append("\r\u001b[J");
    lines.forEach(line -> screen.append(cut(line)).append('\n'));
    linesDrawn = lines.size();
    terminal.out().print(screen);
    terminal.out().flush();
  }

  private String cut(String line) {
    int max = terminal.columns() - 1;
    return line.length() <= max ? line : line.substring(0, max);
  }

  private String bar(Line disk) {
    int percent = percent(disk);
    int full = BAR_CELLS * percent / 100;
    return String.format(
        Locale.ROOT,
        "disk %d %-" + KEY_CELLS + "s %-11s [%s%s] %3d%%  %s",
        disk.diskId(),
        shortened(disk.diskKey()),
        disk.what(),
        "#".repeat(full),
        ".".repeat(BAR_CELLS - full),
        percent,
        pace(disk));
  }

  private static String shortened(String diskKey) {
    String key = BackupText.printable(diskKey);
    return key.length() <= KEY_CELLS ? key : ".." + key.substring(key.length() - KEY_CELLS + 2);
  }

  private static int percent(Line disk) {
    if (disk.status() == Status.COMPLETED) {
      return 100;
    }
    return disk.what().isEmpty() ? 0 : Sizes.percent(disk.bytesDone(), disk.bytesTotal());
  }

  /** Rate and time left while it runs, else what became of it. */
  private String pace(Line disk) {
    if (disk.status() != Status.RUNNING) {
      return disk.status().name().toLowerCase(Locale.ROOT);
    }
    if (disk.what().isEmpty()) {
      return "planning";
    }
    Rate rate = rates.getOrDefault(disk.diskId(), new Rate());
    List<String> parts = new ArrayList<>();
    rate.bytesPerSecond().ifPresent(bytes -> parts.add(Sizes.bytes(bytes) + "/s"));
    rate.left(disk.bytesTotal() - disk.bytesDone())
        .ifPresent(left -> parts.add(Sizes.time(left) + " left"));
    return String.join("  ", parts);
  }

  private boolean isDue(Line disk, Instant now) {
    String state = disk.status() + " " + disk.what();
    boolean changed = !state.equals(states.put(disk.diskId(), state));
    if (disk.status() == Status.PENDING) {
      return false;
    }
    Instant last = printed.getOrDefault(disk.diskId(), Instant.MIN);
    boolean due =
        changed || (disk.status() == Status.RUNNING && !now.isBefore(last.plus(LINE_PERIOD)));
    if (due) {
      printed.put(disk.diskId(), now);
    }
    return due;
  }

  private void print(Line disk) {
    List<String> parts = new ArrayList<>();
    if (!disk.what().isEmpty()) {
      parts.add(disk.what() + disk.why());
      parts.add(percent(disk) + "% of " + Sizes.bytes(disk.bytesTotal()));
    }
    String pace = pace(disk);
    if (!pace.isEmpty()) {
      parts.add(pace.replace("  ", ", "));
    }
    terminal.result(
        "disk "
            + disk.diskId()
            + " "
            + BackupText.printable(disk.diskKey())
            + ": "
            + String.join(", ", parts));
  }
}
