package dev.backstep.bench;

import dev.backstep.api.ServerProcess;
import dev.backstep.catalog.HistoryQueries;
import dev.backstep.catalog.LargeCatalog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Every list and detail query over a long history, on both databases, alone and over HTTP.
 * Arguments: work folder, job executions, VMs, and how often each query is asked.
 */
public final class QueryBench {

  private static final int WARM_UPS = 10;
  private static final double GOAL_MILLIS = 300;

  private QueryBench() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    int executions = Integer.parseInt(args[1]);
    int vms = Integer.parseInt(args[2]);
    int rounds = Integer.parseInt(args[3]);
    Files.createDirectories(folder.resolve("jobs"));
    try (LargeCatalog catalog = LargeCatalog.mariaDb(folder, executions, vms)) {
      run("MariaDB", catalog.queries(), rounds);
      served("MariaDB", folder, "mariadb", catalog.environment(), rounds);
    }
    try (LargeCatalog catalog = LargeCatalog.h2(folder.resolve("h2"), executions, vms)) {
      run("H2", catalog.queries(), rounds);
    }
    served("H2", folder, "h2", Map.of(), rounds);
    System.exit(0);
  }

  /** Over HTTP, by a server in a process of its own with the JVM's options as users have them. */
  private static void served(
      String database, Path folder, String home, Map<String, String> settings, int rounds)
      throws Exception {
    Map<String, String> environment = new HashMap<>(settings);
    environment.put("BACKSTEP_JAVA_OPTS", "");
    try (ServerProcess server = ServerProcess.start(folder, home, environment)) {
      run(database, HistoryPages.of(server), rounds);
    }
  }

  private static void run(String database, Map<String, HistoryQueries.Query> queries, int rounds)
      throws Exception {
    for (Map.Entry<String, HistoryQueries.Query> query : queries.entrySet()) {
      double[] millis = new double[rounds];
      for (int round = 0; round < WARM_UPS + rounds; round++) {
        long start = System.nanoTime();
        query.getValue().ask(round);
        if (round >= WARM_UPS) {
          millis[round - WARM_UPS] = (System.nanoTime() - start) / 1e6;
        }
      }
      Arrays.sort(millis);
      double p95 = millis[(int) Math.ceil(rounds * 0.95) - 1];
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %.1f | **%.1f** | %.1f | %s |%n",
          database,
          query.getKey(),
          millis[rounds / 2],
          p95,
          millis[rounds - 1],
          p95 < GOAL_MILLIS ? "met" : "missed");
    }
  }
}
