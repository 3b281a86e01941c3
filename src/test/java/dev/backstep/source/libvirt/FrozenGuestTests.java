package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FrozenGuestTests {

  @TempDir Path folder;

  /** What libvirt answers to each thaw; it is done behind the last one. */
  private final Queue<SourceException> answers = new ArrayDeque<>();

  private int thaws;

  private HypervisorControl freezing(Optional<SourceException> answer) {
    return new ScriptedControl() {
      @Override
      public void freeze(String uuid) throws SourceException {
        if (answer.isPresent()) {
          throw answer.get();
        }
      }

      @Override
      public void thaw(String uuid) throws SourceException {
        thaws++;
        if (!answers.isEmpty()) {
          throw answers.remove();
        }
      }

      @Override
      public LastWill thawShouldWeDie(String uuid) throws SourceException {
        return LastWill.of(List.of("touch", willed().toString()));
      }
    };
  }

  private Path willed() {
    return folder.resolve("willed");
  }

  private String outcome(Optional<SourceException> answer) throws SourceException {
    try (FrozenGuest guest =
        FrozenGuest.freeze(freezing(answer), ScriptedControl.UUID, Quiesce.TRY)) {
      return guest.outcome();
    }
  }

  @Test
  void guestThatMayFreezeAfterOurTimeIsThawedUntilThatIsDone() throws Exception {
    answers.add(ScriptedControl.refusal(ControlException.Why.BUSY));
    answers.add(ScriptedControl.refusal(ControlException.Why.LATE_AGENT));

    String outcome = outcome(Optional.of(ScriptedControl.unreachable()));

    assertThat(outcome).startsWith("not frozen: no answer");
    assertThat(thaws).isEqualTo(3);
  }

  @Test
  void guestThatCannotBeFrozenIsThawedOnce() throws Exception {
    answers.add(ScriptedControl.refusal(ControlException.Why.LATE_AGENT));

    outcome(Optional.of(ScriptedControl.refusal(ControlException.Why.LATE_AGENT)));

    assertThat(thaws).isEqualTo(1);
  }

  @Test
  void frozenGuestIsThawedAgainWhileLibvirtDoesNotAnswer() throws Exception {
    answers.add(ScriptedControl.unreachable());
    answers.add(ScriptedControl.unreachable());

    assertThat(outcome(Optional.empty())).isEqualTo("frozen");

    assertThat(thaws).isEqualTo(3);
  }

  @Test
  void lastWillIsExecutedWhenAFrozenGuestCannotBeThawed() throws Exception {
    answers.add(ScriptedControl.refusal(ControlException.Why.OTHER));

    outcome(Optional.empty());

    for (int i = 0; i < 500 && !Files.exists(willed()); i++) {
      Thread.sleep(20);
    }
    assertThat(willed()).exists();
  }
}
