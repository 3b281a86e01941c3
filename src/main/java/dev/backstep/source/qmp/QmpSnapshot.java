package dev.backstep.source.qmp;

import dev.backstep.source.GuestGuard;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running QEMU's disks behind its jobs. They end when this is closed, because nobody would watch
 * the guest any more; only those whose process died can be taken up again.
 */
final class QmpSnapshot implements Snapshot {

  private static final Logger log = LoggerFactory.getLogger(QmpSnapshot.class);

  private final Handle handle;
  private final RunningGuest guest;
  private final OwnWork work;
  private final GuestGuard guard;
  private final List<SourceDisk> disks = new ArrayList<>();

  QmpSnapshot(Handle handle, RunningGuest guest, GuestGuard guard) {
    this.handle = handle;
    this.guest = guest;
    this.work = guest.work();
    this.guard = guard;
    for (int number = 0; number < handle.disks().size(); number++) {
      Handle.Disk disk = handle.disks().get(number);
      disks.add(disk.exported(handle.names(), number, guest.settings().connections(), guard));
    }
  }

  @Override
  public String handle() {
    return handle.text();
  }

  @Override
  public Instant takenAt() {
    return handle.at();
  }

  @Override
  public List<SourceDisk> disks() {
    return List.copyOf(disks);
  }

  @Override
  public void close() {
    guard.close();
    try {
      guest.release();
    } catch (QmpException e) {
      if (e.why() == QmpException.Why.ABSENT) {
        work.removeFiles(); // QEMU has ended, and all that it had with it
      } else {
        stays(e);
      }
    } catch (SourceException e) {
      stays(e);
    }
  }

  private void stays(SourceException e) {
    log.warn("{}: its jobs stay until the next backup: {}", handle.work(), e.getMessage());
  }
}
