package dev.backstep.fuzz;

import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Replays what the fuzzer begins with and what it found, and each of it with random damage: every
 * input is taken or refused, soon, and with little memory. {@code -Dfuzz.rounds=N} sets how often
 * each one is damaged, {@code -Dfuzz.seed=S} the seed; {@code ops/fuzz} looks for more.
 */
class FuzzCorpusIT {

  private static final int ROUNDS = Integer.getInteger("fuzz.rounds", 60);
  private static final long SEED = Long.getLong("fuzz.seed", System.nanoTime());

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 10, unit = TimeUnit.MINUTES)
  void everyInputIsTakenOrRefused(FuzzTarget target) throws Exception {
    Random random = new Random(SEED);
    long inputs = 0;
    List<Path> corpus = target.kept();
    for (Path file : corpus) {
      byte[] kept = Files.readAllBytes(file);
      target.take(kept, file.toString());
      inputs++;
      for (int i = 0; i < ROUNDS; i++) {
        byte[] damaged = damaged(kept, random);
        target.take(damaged, file + " damaged, seed " + SEED);
        inputs++;
      }
    }
    new Reliability(Suite.FUZZ, "corpus of " + target.corpus)
        .with("inputs", corpus.size())
        .with("inputs taken or refused", inputs)
        .write();
  }

  private static byte[] damaged(byte[] kept, Random random) {
    byte[] bytes = kept.clone();
    for (int i = 1 + random.nextInt(4); i > 0 && bytes.length > 8; i--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes = java.util.Arrays.copyOf(bytes, at);
        case 3 -> java.util.Arrays.fill(bytes, at, Math.min(bytes.length, at + 8), (byte) 0xff);
        default -> {
          int from = random.nextInt(bytes.length);
          int length = Math.min(8, bytes.length - Math.max(at, from));
          System.arraycopy(bytes, from, bytes, at, length);
        }
      }
    }
    return bytes;
  }
}
