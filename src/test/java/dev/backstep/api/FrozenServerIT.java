package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two servers on one MariaDB, of which one, in turn, sleeps through its lease while it runs
 * backups: the other one completes them, and the sleeper, once awake, publishes nothing. {@code
 * -Dfreeze.rounds=N} sets how often one sleeps, {@code -Dfreeze.seed=S} the seed. Most of a sleep
 * is waiting, so that many are shared out to pairs of servers that know nothing of each other.
 */
class FrozenServerIT {

  private static final int ROUNDS = Integer.getInteger("freeze.rounds", 2);
  private static final int PAIRS = Math.clamp(ROUNDS / 8, 1, 4);

  @TempDir Path folder;

  private final long seed = Long.getLong("freeze.seed", System.nanoTime());

  @Test
  void sleeperPublishesNothing() throws Exception {
    List<Future<List<NodePair.Sleep>>> pairs = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(PAIRS)) {
      for (int pair = 0; pair < PAIRS; pair++) {
        Path own = Files.createDirectory(folder.resolve("pair" + pair));
        int number = pair;
        pairs.add(threads.submit(() -> sleeps(own, number)));
      }
    }
    List<NodePair.Sleep> sleeps = new ArrayList<>();
    for (Future<List<NodePair.Sleep>> pair : pairs) {
      sleeps.addAll(pair.get());
    }

    int caught = sleeps.stream().mapToInt(NodePair.Sleep::caught).sum();
    new Reliability(Suite.FROZEN_SERVER, "two servers")
        .with("sleeps", sleeps.size())
        .with("backups that the sleeper had in hand", caught)
        .with(
            "sleeps with a lock, for which the other server waited",
            sleeps.stream().filter(NodePair.Sleep::locked).count())
        .write();
    assertThat(sleeps).hasSize(ROUNDS);
    assertThat(caught).as("seed " + seed).isGreaterThanOrEqualTo(ROUNDS / 2);
  }

  private List<NodePair.Sleep> sleeps(Path own, int number) throws Exception {
    List<NodePair.Sleep> sleeps = new ArrayList<>();
    try (NodePair nodes = new NodePair(own, seed + number)) {
      for (int round = number; round < ROUNDS; round += PAIRS) {
        sleeps.add(nodes.sleep());
      }
      nodes.checkAll();
    }
    return sleeps;
  }
}
