package dev.backstep.source.libvirt;

import dev.backstep.source.GuestGuard;
import dev.backstep.source.SourceException;
import java.util.Optional;

/** What a guard looks at: whether the guest stands still, and the room for what it overwrites. */
record RunningGuest(HypervisorControl control, String uuid, LibvirtSettings settings, OwnJob job)
    implements GuestGuard.Guest {

  @Override
  public Optional<String> trouble() throws SourceException {
    if (control.state(uuid) == HypervisorControl.State.PAUSED_IO_ERROR) {
      return Optional.of(
          "the guest was paused for want of room, most likely in " + settings.scratch().folder());
    }
    return settings.scratch().shortage();
  }

  @Override
  public void release() throws SourceException {
    job.end();
  }
}
