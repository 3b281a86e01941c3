package dev.backstep.source.qmp;

import dev.backstep.source.GuestGuard;
import dev.backstep.source.SourceException;
import java.util.Optional;

/** What a guard looks at: whether the guest stands still, and the room for what it overwrites. */
record RunningGuest(QmpSettings settings, OwnWork work) implements GuestGuard.Guest {

  @Override
  public Optional<String> trouble() throws SourceException {
    try (Qemu qemu = Qemu.at(settings.socket())) {
      if (qemu.isStuck()) {
        return Optional.of(
            "the guest was paused for want of room, most likely in " + settings.scratch().folder());
      }
    }
    return settings.scratch().shortage();
  }

  @Override
  public void release() throws SourceException {
    try (Qemu qemu = Qemu.at(settings.socket())) {
      work.clear(qemu);
    }
  }
}
