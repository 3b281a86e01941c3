package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class ToolRunnerTests {

  @TempDir Path folder;

  private static List<String> shell(String script) {
    return List.of("sh", "-c", script);
  }

  private static boolean lives(Path pidFile) throws Exception {
    long pid = Long.parseLong(Files.readString(pidFile).strip());
    return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
  }

  @Test
  void outputAndStatusAreWhatTheCommandSays() throws Exception {
    ToolRunner.Result result =
        ToolRunner.run(Duration.ofSeconds(10), shell("echo one; echo two >&2; exit 3"));

    assertThat(result).isEqualTo(new ToolRunner.Result(3, "one\n", "two"));
  }

  @Test
  void whatCommandThatTakesTooLongHasStartedEndsWithIt() throws Exception {
    Path pid = folder.resolve("pid");

    assertThatThrownBy(() ->
            ToolRunner.run(Duration.ofSeconds(1), shell("sleep 600 & echo $! > " + pid + "; wait")))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("not done after 1 s");

    for (int i = 0; i < 100 && lives(pid); i++) {
      Thread.sleep(20);
    }
    assertThat(lives(pid)).isFalse();
  }

  /** A backup would wait for that with the guest's backup job open. */
  @Test
  void commandWhoseChildKeepsItsOutputOpenIsNotWaitedForBeyondItsLimit() throws Exception {
    Path pid = folder.resolve("pid");
    try {
      assertThatThrownBy(() ->
              ToolRunner.run(
                  Duration.ofSeconds(2), shell("sleep 600 & echo $! > " + pid + "; sleep 0.5")))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("something it started keeps its output open");
    } finally {
      ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))
          .ifPresent(ProcessHandle::destroyForcibly);
    }
  }
}
