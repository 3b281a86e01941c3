package dev.backstep.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Replays what the fuzzer begins with and what it found, each input once and as it is. */
class FuzzCorpusTests {

  private static final long CORPUS_BYTES_MAX = 300 << 10;

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void everyKeptInputIsTakenOrRefused(FuzzTarget target) throws IOException {
    assertThat(target.kept()).isNotEmpty();
    for (Path file : target.kept()) {
      target.take(Files.readAllBytes(file), file.toString());
    }
  }

  @Test
  void corpusStaysSmall() throws IOException {
    try (Stream<Path> files = Files.walk(FuzzTarget.CORPUS)) {
      long bytes = 0;
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
      assertThat(bytes).isLessThan(CORPUS_BYTES_MAX);
    }
  }
}
