package dev.backstep.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.backstep.nbd.NbdClientFuzz;
import dev.backstep.nbd.NbdServerFuzz;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Replays what the fuzzer begins with, and each of it with random damage: every input is taken or
 * refused, soon, and with little memory. {@code -Dfuzz.rounds=N} sets how often each one is
 * damaged, {@code -Dfuzz.seed=S} the seed; {@code ops/fuzz} looks for more.
 */
class FuzzCorpusIT {

  private static final Path CORPUS = Path.of("src/test/resources/fuzz");
  private static final int ROUNDS = Integer.getInteger("fuzz.rounds", 60);
  private static final long SEED = Long.getLong("fuzz.seed", System.nanoTime());
  private static final long SECONDS_MAX = 5;
  private static final long HEAP_BYTES_MAX = 64 << 20;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** What is fuzzed; the class that {@code ops/fuzz} gives to the fuzzer, and its corpus. */
  enum Target {
    QCOW2("qcow2", Qcow2Fuzz::fuzzerTestOneInput),
    NBD_CLIENT("nbd-client", NbdClientFuzz::fuzzerTestOneInput),
    NBD_SERVER("nbd-server", NbdServerFuzz::fuzzerTestOneInput),
    MANIFEST("manifest", ManifestFuzz::fuzzerTestOneInput);

    private final String corpus;
    private final Input input;

    Target(String corpus, Input input) {
      this.corpus = corpus;
      this.input = input;
    }

    /** Takes an input. */
    interface Input {
      void take(byte[] bytes) throws IOException;
    }
  }

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 10, unit = TimeUnit.MINUTES)
  void everyInputIsTakenOrRefused(Target target) throws Exception {
    Random random = new Random(SEED);
    long inputs = 0;
    List<Path> corpus;
    try (Stream<Path> files = Files.list(CORPUS.resolve(target.corpus))) {
      corpus = files.sorted().toList();
    }
    for (Path file : corpus) {
      byte[] kept = Files.readAllBytes(file);
      take(target, kept, file.toString());
      inputs++;
      for (int i = 0; i < ROUNDS; i++) {
        byte[] damaged = damaged(kept, random);
        take(target, damaged, file + " damaged, seed " + SEED);
        inputs++;
      }
    }
    new Reliability(Suite.FUZZ, "corpus of " + target.corpus)
        .with("inputs", corpus.size())
        .with("inputs taken or refused", inputs)
        .write();
  }

  private static void take(Target target, byte[] input, String what) {
    long began = System.nanoTime();
    long before = THREADS.getThreadAllocatedBytes(Thread.currentThread().threadId());
    try {
      target.input.take(input);
    } catch (IOException | RuntimeException | Error e) {
      throw new AssertionError(what + ": " + HexFormat.of().formatHex(input), e);
    }
    long heap = THREADS.getThreadAllocatedBytes(Thread.currentThread().threadId()) - before;
    long nanos = System.nanoTime() - began;
    assertThat(heap).as("bytes for %s", what).isLessThan(HEAP_BYTES_MAX);
    assertThat(nanos).as("time for %s", what).isLessThan(TimeUnit.SECONDS.toNanos(SECONDS_MAX));
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
