package dev.backstep.source.libvirt;

import dev.backstep.source.GuestGuard;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;

/** What a guard looks at: whether the guest stands still, and the room for what it overwrites. */
record RunningGuest(HypervisorControl control, String uuid, LibvirtSettings settings, OwnJob job)
    implements GuestGuard.Guest {

  @Override
  public Optional<String> trouble() throws SourceException {
    if (control.state(uuid) == HypervisorControl.State.PAUSED_IO_ERROR) {
      return Optional.of(
          "the guest was paused for want of room, most likely in " + settings.scratch());
    }
    long least = settings.scratchRoomBytes() / 4;
    long room = room(settings);
    return room >= least
        ? Optional.empty()
        : Optional.of(
            settings.scratch()
                + " has "
                + room
                + " bytes left for what the guest overwrites, less than "
                + least);
  }

  /** Room in the scratch folder in bytes. */
  static long room(LibvirtSettings settings) throws SourceException {
    try {
      return Files.getFileStore(settings.scratch()).getUsableSpace();
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "scratch folder " + settings.scratch() + ": " + e + "; make it, or name another one",
          e);
    }
  }

  @Override
  public void release() throws SourceException {
    job.end();
  }
}
