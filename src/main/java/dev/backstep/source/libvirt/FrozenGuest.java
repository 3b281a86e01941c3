package dev.backstep.source.libvirt;

import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
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
      // It may have frozen some file systems, or all and answered too late.
      thaw(control, uuid);
      thawing.close();
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

  private static void thaw(HypervisorControl control, String uuid) {
    try {
      control.thaw(uuid);
    } catch (SourceException e) {
      log.debug("{}: nothing to thaw: {}", uuid, e.getMessage());
    }
  }

  /** Thaws it; once more if that fails, for nothing is worse than a guest that stays frozen. */
  @Override
  public void close() {
    if (thawing.isEmpty()) {
      return;
    }
    try (LastWill _ = thawing.get()) {
      control.thaw(uuid);
    } catch (SourceException first) {
      try {
        control.thaw(uuid);
      } catch (SourceException e) {
        e.addSuppressed(first);
        log.error("{}: cannot be thawed; run: virsh domfsthaw {}: {}", uuid, uuid, e.getMessage());
      }
    }
  }
}
