package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a start does with the records that earlier processes left. */
class ChildProcessTests {

  /** Above the highest that Linux gives. */
  private static final ProcessRecord NOBODY = new ProcessRecord(1L << 23, 1);

  @TempDir Path folder;

  private Process child;
  private Path socket;

  @BeforeEach
  void startChild() throws IOException {
    child = new ProcessBuilder("sleep", "600").start();
    socket = Files.createFile(folder.resolve("its.sock"));
  }

  @AfterEach
  void endChild() throws Exception {
    child.destroyForcibly().waitFor();
  }

  private Path record(Object... lines) throws IOException {
    Path file = folder.resolve(child.pid() + ".child");
    StringBuilder text = new StringBuilder();
    for (Object line : lines) {
      text.append(line).append('\n');
    }
    return Files.writeString(file, text.toString().strip());
  }

  private ProcessRecord running() {
    return ProcessRecord.of(child.pid()).orElseThrow();
  }

  private static ProcessRecord us() {
    return ProcessRecord.of(ProcessHandle.current().pid()).orElseThrow();
  }

  @Test
  void whatAChildPrintsAtItsEndIsKept() throws Exception {
    String program =
        "trap 'sleep 0.2; echo the reason >&2; exit 3' TERM; echo up >&2;"
            + " while :; do sleep 0.05; done";
    ChildProcess talker = ChildProcess.start(folder, socket, List.of("sh", "-c", program));
    while (talker.errors().isEmpty()) {
      assertThat(talker.isAlive()).isTrue();
      Thread.sleep(10);
    }

    talker.close();

    assertThat(talker.errors()).isEqualTo("up the reason");
  }

  @Test
  void whatADeadOwnerLeftIsEnded() throws Exception {
    Path record = record(running(), NOBODY, socket, "end");

    ChildProcess.endLeftovers(folder);

    assertThat(child.isAlive()).isFalse();
    assertThat(socket).doesNotExist();
    assertThat(record).doesNotExist();
  }

  @Test
  void whatALivingOwnerUsesGoesOn() throws Exception {
    Path record = record(running(), us(), socket, "end");

    ChildProcess.endLeftovers(folder);

    assertThat(child.isAlive()).isTrue();
    assertThat(socket).exists();
    assertThat(record).exists();
  }

  @Test
  void anotherProcessOfTheSameNumberGoesOn() throws Exception {
    ProcessRecord earlier = new ProcessRecord(child.pid(), running().start() - 1);
    Path record = record(earlier, NOBODY, socket, "end");

    ChildProcess.endLeftovers(folder);

    assertThat(child.isAlive()).isTrue();
    assertThat(socket).doesNotExist();
    assertThat(record).doesNotExist();
  }

  @Test
  void aTornRecordIsRemovedAndEndsNothing() throws Exception {
    Path record = record(running(), NOBODY);

    ChildProcess.endLeftovers(folder);

    assertThat(child.isAlive()).isTrue();
    assertThat(record).doesNotExist();
  }
}
