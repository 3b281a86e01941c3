package dev.backstep.cli;

import java.time.Duration;
import java.util.Locale;

/** Sizes, shares and times as people read them. */
final class Sizes {

  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private Sizes() {}

  /** Such as {@code 1.5 GiB}; whole numbers below 1 KiB and from 100 of a unit on. */
  static String bytes(long bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1023.95 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    String format = unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, UNITS[unit]);
  }

  /** Whole percent, rounded down, so that 100 means all. Nothing to do is done. */
  static int percent(long done, long total) {
    return total <= 0 ? 100 : (int) Math.clamp(Math.floor(100.0 * done / total), 0, 100);
  }

  /** Such as {@code 42s}, {@code 3m05s}, {@code 2h10m}. */
  static String time(Duration time) {
    long seconds = Math.max(0, time.toSeconds());
    if (seconds < 60) {
      return seconds + "s";
    }
    return seconds < 3600
        ? String.format(Locale.ROOT, "%dm%02ds", seconds / 60, seconds % 60)
        : String.format(Locale.ROOT, "%dh%02dm", seconds / 3600, seconds / 60 % 60);
  }
}
