package dev.backstep.source.libvirt;

import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guest whose file systems are frozen for the instant of a snapshot, or are not and why. It is
 * thawed in every case, also when this process is killed meanwhile.
 *
 * @param thawing of one that is frozen, by somebody else should we die; empty for one that is not
 * @param outcome what was achieved, as the restore point tells it: {@code frozen} or else
 */
record FrozenGuest(
    HypervisorControl control, String uuid, Optional<LastWill> thawing, String outcome)
    implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(FrozenGuest.class);

  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  static FrozenGuest freeze(HypervisorControl control, String uuid, Quiesce quiesce)
      throws SourceException {
    if (quiesce == Quiesce.OFF) {
      return new FrozenGuest(control, uuid, Optional.empty(), "off");
    }
    LastWill thawing = control.thawShouldWeDie(uuid);
    try {
      control.freeze(uuid);
      return new FrozenGuest(control, uuid, Optional.of(thawing), "frozen");
    } catch (SourceException e) {
      thawBehind(e, control, uuid, thawing);
      if (quiesce == Quiesce.REQUIRED) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "the guest's file systems cannot be frozen, which 'quiesce: required' asks for: "
                + e.getMessage(),
            e);
      }
      log.warn(
          "{}: not frozen, the restore point is as after a power cut: {}", uuid, e.getMessage());
      return new FrozenGuest(control, uuid, Optional.empty(), "not frozen: " + e.getMessage());
    }
  }

  /**
   * Thaws what a freeze that failed may have frozen, at once or later: libvirt goes on with one
   * that nobody waits for any more, for as long as the guest takes to write what it has in memory.
   */
  private static void thawBehind(
      SourceException failure, HypervisorControl control, String uuid, LastWill thawing) {
    boolean goesOn = failure.kind() == SourceException.Kind.UNREACHABLE;
    Optional<SourceException> refusal = thaw(control, uuid, goesOn ? PATIENCE : Duration.ZERO);
    if (goesOn && refusal.filter(FrozenGuest::passes).isPresent()) {
      leave(uuid, thawing, refusal.get());
      return;
    }
    thawing.close();
    refusal.ifPresent(e -> log.debug("{}: nothing to thaw: {}", uuid, e.getMessage()));
  }

  /**
   * Thaws it, again while what stands against it passes.
   *
   * @return why it was not, if it was not
   */
  private static Optional<SourceException> thaw(
      HypervisorControl control, String uuid, Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    for (Duration pause = Duration.ZERO; ; pause = PAUSE) {
      try {
        OwnJob.pause(pause);
        control.thaw(uuid);
        return Optional.empty();
      } catch (SourceException e) {
        if (!passes(e) || System.nanoTime() - deadline >= 0) {
          return Optional.of(e);
        }
        if (pause.isZero()) {
          log.warn("{}: not thawed yet: {}", uuid, e.getMessage());
        }
      }
    }
  }

  /** While a freeze goes on, nothing else is done by the guest's agent. */
  private static boolean passes(SourceException refusal) {
    return refusal.kind() == SourceException.Kind.UNREACHABLE
        || (refusal instanceof ControlException known
            && (known.why() == ControlException.Why.BUSY
                || known.why() == ControlException.Why.LATE_AGENT));
  }

  /** A child that may wait for libvirt without limit is the last that can be done. */
  private static void leave(String uuid, LastWill thawing, SourceException why) {
    thawing.now();
    log.error("{}: may be frozen; run: virsh domfsthaw {}: {}", uuid, uuid, why.getMessage());
  }

  /** Thaws it, and does not give up soon: nothing is worse than a guest that stays frozen. */
  @Override
  public void close() {
    if (thawing.isEmpty()) {
      return;
    }
    Optional<SourceException> refusal = thaw(control, uuid, PATIENCE);
    if (refusal.isPresent()) {
      leave(uuid, thawing.get(), refusal.get());
    } else {
      thawing.get().close();
    }
  }
}
