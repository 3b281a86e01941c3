package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunNoteTests {

  private static final String ID = "backup-pg-20260101-010000";

  @TempDir private Path home;

  @Test
  void namesThisProcessUntilRemoved() {
    RunNote note = RunNote.of(home, ID).orElseThrow();

    note.write();
    assertThat(note.process()).contains(ProcessHandle.current());

    note.remove();
    assertThat(note.process()).isEmpty();
    assertThat(note.file()).doesNotExist();
  }

  @Test
  void anotherProcessOfThatNumberIsNotMeant() throws Exception {
    RunNote note = RunNote.of(home, ID).orElseThrow();
    note.write();
    Files.writeString(
        note.file(), ProcessHandle.current().pid() + " " + Instant.now().minusSeconds(86_400));

    assertThat(note.process()).isEmpty();
  }

  @Test
  void aTornNoteNamesNobody() throws Exception {
    RunNote note = RunNote.of(home, ID).orElseThrow();
    note.write();
    Files.writeString(note.file(), "12");

    assertThat(note.process()).isEmpty();
  }

  @Test
  void whatIsNoIdHasNoNote() {
    assertThat(RunNote.of(home, "../../etc/passwd")).isEmpty();
    assertThat(RunNote.of(home, "backup-../x")).isEmpty();
    assertThat(RunNote.of(home, "17")).isEmpty();
  }

  @Test
  void makesNoHomeOfItsOwn() {
    RunNote note = RunNote.of(home.resolve("absent"), ID).orElseThrow();

    note.write();

    assertThat(home.resolve("absent")).doesNotExist();
  }
}
