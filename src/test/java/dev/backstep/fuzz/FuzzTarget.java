package dev.backstep.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.backstep.nbd.NbdClientFuzz;
import dev.backstep.nbd.NbdServerFuzz;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What is fuzzed; the class that {@code ops/fuzz} gives to the fuzzer, and its corpus. */
enum FuzzTarget {
  QCOW2("qcow2", Qcow2Fuzz::fuzzerTestOneInput),
  NBD_CLIENT("nbd-client", NbdClientFuzz::fuzzerTestOneInput),
  NBD_SERVER("nbd-server", NbdServerFuzz::fuzzerTestOneInput),
  MANIFEST("manifest", ManifestFuzz::fuzzerTestOneInput);

  static final Path CORPUS = Path.of("src/test/resources/fuzz");

  private static final long SECONDS_MAX = 5;
  private static final long HEAP_BYTES_MAX = 64 << 20;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  final String corpus;
  private final Input input;

  FuzzTarget(String corpus, Input input) {
    this.corpus = corpus;
    this.input = input;
  }

  /** Takes an input. */
  private interface Input {
    void take(byte[] bytes) throws IOException;
  }

  /** What is kept, by name. */
  List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(CORPUS.resolve(corpus))) {
      return files.sorted().toList();
    }
  }

  /** An input is taken or refused, soon, and with little memory. */
  void take(byte[] bytes, String what) {
    long began = System.nanoTime();
    long before = THREADS.getThreadAllocatedBytes(Thread.currentThread().threadId());
    try {
      input.take(bytes);
    } catch (IOException | RuntimeException | Error e) {
      throw new AssertionError(what + ": " + HexFormat.of().formatHex(bytes), e);
    }
    long heap = THREADS.getThreadAllocatedBytes(Thread.currentThread().threadId()) - before;
    long nanos = System.nanoTime() - began;
    assertThat(heap).as("bytes for %s", what).isLessThan(HEAP_BYTES_MAX);
    assertThat(nanos).as("time for %s", what).isLessThan(TimeUnit.SECONDS.toNanos(SECONDS_MAX));
  }
}
