package dev.backstep.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Runs two ways of doing the same in turn, and compares them round by round. */
final class Measure {

  /** Wall and processor seconds of one run. */
  record Cost(double wall, double cpu) {}

  /** One way of doing it. */
  interface Way {
    Cost run() throws Exception;
  }

  /** Checks what both ways have made, then clears it away. */
  interface Check {
    void run() throws Exception;
  }

  /**
   * A row of the table.
   *
   * @param goal the largest ratio that is good; infinite where there is no goal
   * @param cpuGoal likewise of processor time; where there is one, both are to be met
   */
  record Row(
      String name,
      String peer,
      double goal,
      double cpuGoal,
      double[] wall,
      double[] cpu,
      double[] seconds) {

    double median() {
      return Measure.median(wall);
    }

    String markdown() {
      return String.format(
          Locale.ROOT,
          "| %s | %s | %s | **%.2f** | %.2f - %.2f | %.2f%s | %.2f | %d | %s |",
          name,
          peer,
          Double.isInfinite(goal) ? "-" : String.format(Locale.ROOT, "%.2f", goal),
          median(),
          min(wall),
          max(wall),
          Measure.median(cpu),
          Double.isInfinite(cpuGoal)
              ? ""
              : String.format(
                  Locale.ROOT, " (%.2f - %.2f, goal %.2f)", min(cpu), max(cpu), cpuGoal),
          Measure.median(seconds),
          wall.length,
          verdict());
    }

    private String verdict() {
      if (Double.isInfinite(goal)) {
        return "";
      }
      return median() <= goal && Measure.median(cpu) <= cpuGoal ? "met" : "missed";
    }
  }

  /** Rounds before those that count: what a case needs beyond the warm-up is compiled then. */
  private static final int UNMEASURED = Integer.getInteger("unmeasured", 2);

  /**
   * Between clearing away and the next round: a disk has work left behind the answer to a deletion,
   * which who comes first would pay.
   */
  private static final Duration SETTLING = Duration.ofSeconds(2);

  private final int rounds;

  /**
   * @param rounds even, so that each way comes first as often as the other
   */
  Measure(int rounds) {
    if (rounds % 2 != 0) {
      throw new IllegalArgumentException(rounds + " rounds, expected an even number");
    }
    this.rounds = rounds;
  }

  Row compare(String name, String peer, double goal, Way ours, Way theirs, Check check)
      throws Exception {
    return compare(name, peer, goal, Double.POSITIVE_INFINITY, ours, theirs, check);
  }

  /** As the other, where there is a goal for processor time, too. */
  Row compare(
      String name, String peer, double goal, double cpuGoal, Way ours, Way theirs, Check check)
      throws Exception {
    double[] wall = new double[rounds];
    double[] cpu = new double[rounds];
    double[] seconds = new double[rounds];
    for (int i = 0; i < UNMEASURED; i++) {
      ours.run();
      theirs.run();
      check.run();
    }
    for (int round = 0; round < rounds; round++) {
      Thread.sleep(SETTLING);
      boolean first = round % 2 == 0;
      Cost a = first ? ours.run() : null;
      Cost b = theirs.run();
      a = a == null ? ours.run() : a;
      check.run();
      wall[round] = a.wall() / b.wall();
      cpu[round] = b.cpu() > 0 ? a.cpu() / b.cpu() : 0;
      seconds[round] = a.wall();
      System.err.printf(
          Locale.ROOT,
          "  %s: %.3f s beside %.3f s: %.2f (cpu %.2f beside %.2f)%n",
          name,
          a.wall(),
          b.wall(),
          wall[round],
          a.cpu(),
          b.cpu());
    }
    Row row = new Row(name, peer, goal, cpuGoal, wall, cpu, seconds);
    System.err.println(row.markdown());
    return row;
  }

  /** Measures work in this process, its threads included. */
  static Cost inProcess(Check work) throws Exception {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime();
    long start = System.nanoTime();
    work.run();
    long end = System.nanoTime();
    return new Cost((end - start) / 1e9, (system.getProcessCpuTime() - cpu) / 1e9);
  }

  /** Measures commands, joined by && where there are several, by the shell's own clock. */
  static Cost commands(Path folder, String script) throws Exception {
    Path times = folder.resolve("times");
    String timed =
        "TIMEFORMAT='%R %U %S'; { time { " + script + "; } 1>/dev/null 2>>errors; } 2>times";
    Process process =
        new ProcessBuilder("bash", "-c", timed)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(
          script + " failed: " + output + Files.readString(folder.resolve("errors")));
    }
    List<Double> numbers = new ArrayList<>();
    for (String number : Files.readString(times).strip().split("\\s+")) {
      numbers.add(Double.parseDouble(number));
    }
    return new Cost(numbers.get(0), numbers.get(1) + numbers.get(2));
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  static double min(double[] values) {
    return Arrays.stream(values).min().orElse(0);
  }

  static double max(double[] values) {
    return Arrays.stream(values).max().orElse(0);
  }
}
