package dev.backstep.catalog;

import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.Optional;

/**
 * A VM whose job definition has a schedule.
 *
 * @param file where the definition stood on the server that loaded it
 * @param definition the job definition as text
 * @param activeSince since when the schedule is what it is and not paused
 * @param triggerState what the scheduler's store says; empty when it has no trigger
 * @param nextFireAt when the trigger fires next
 */
public record ScheduledMachine(
    VmId vmId,
    String vmName,
    String file,
    String definition,
    Instant activeSince,
    Optional<String> triggerState,
    Optional<Instant> nextFireAt) {

  public boolean paused() {
    return triggerState.filter(state -> state.startsWith("PAUSED")).isPresent();
  }
}
