package dev.backstep.bench;

import dev.backstep.catalog.BulkHistory;
import dev.backstep.catalog.LargeCatalog;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.Compression;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.PrunePlanner;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How long a plan of retention takes over the many restore points of one VM. Arguments: work
 * folder, backups, rounds.
 */
public final class PrunePlanBench {

  private static final int WARM_UPS = 3;

  private PrunePlanBench() {}

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    int backups = Integer.parseInt(args[1]);
    int rounds = Integer.parseInt(args[2]);
    try (LargeCatalog catalog = LargeCatalog.mariaDb(folder, backups, 1)) {
      run("MariaDB", catalog, rounds);
    }
    try (LargeCatalog catalog = LargeCatalog.h2(folder.resolve("h2"), backups, 1)) {
      run("H2", catalog, rounds);
    }
    System.exit(0);
  }

  private static JobDefinition definition() {
    return new JobDefinition(
        BulkHistory.BUSY_VM,
        new SourceDefinition("image", List.of(), Map.of()),
        Set.of(),
        LargeCatalog.REPOSITORY,
        RequestedLevel.AUTO,
        CbtResetPolicy.FULL,
        Compression.NONE,
        1,
        1,
        60,
        CbtAuditDefinition.STANDARD,
        Optional.empty(),
        Optional.of(new RetentionDefinition(24, 48, 14, 8, 12, 3, Duration.ZERO)));
  }

  private static void run(String database, LargeCatalog catalog, int rounds) {
    PrunePlanner planner = new PrunePlanner(catalog.keptPoints(), catalog.repositories());
    double[] millis = new double[rounds];
    int points = 0;
    for (int round = -WARM_UPS; round < rounds; round++) {
      long start = System.nanoTime();
      PrunePlan plan = planner.plan(List.of(definition()), Instant.now());
      if (round >= 0) {
        millis[round] = (System.nanoTime() - start) / 1e6;
      }
      points = plan.machines().getFirst().points().size();
    }
    Arrays.sort(millis);
    System.out.printf(
        Locale.ROOT,
        "prune plan over %d restore points of five disks, %s: %.0f ms in the median (goal: under"
            + " 1000 ms)%n",
        points,
        database,
        millis[rounds / 2]);
  }
}
