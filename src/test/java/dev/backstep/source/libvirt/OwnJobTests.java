package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.RepositoryId;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnJobTests {

  @TempDir Path folder;

  /** A daemon that begins a job while it is asked about it. */
  private static final class SlowControl extends ScriptedControl {
    private int questions;
    private int aborts;
    private Optional<String> job = Optional.empty();

    @Override
    public Optional<String> backupJob(String uuid) throws SourceException {
      questions++;
      if (questions == 1) {
        throw unreachable();
      }
      return questions == 2 ? Optional.empty() : job;
    }

    @Override
    public Optional<String> operation(String uuid) throws SourceException {
      throw new ControlException(
          ControlException.Why.of("internal error: backup job data missing"), "it begins");
    }

    @Override
    public void abort(String uuid) {
      aborts++;
      job = Optional.empty();
    }
  }

  @Test
  void jobThatBeginsLateIsEndedWhenItHasBegunAndNotBefore() throws Exception {
    SlowControl control = new SlowControl();
    OwnJob job = new OwnJob(control, ScriptedControl.UUID, folder, new RepositoryId("r1"));
    Path socket = job.newSocket();
    control.job = Optional.of("<domainbackup><server socket='" + socket + "'/></domainbackup>");

    boolean ended = job.endLate(socket, () -> control.questions > 3);

    assertThat(ended).isTrue();
    assertThat(control.job).isEmpty();
    assertThat(control.aborts).isEqualTo(1);
    assertThat(control.questions).as("questions, two of them to end it").isEqualTo(6);
  }
}
