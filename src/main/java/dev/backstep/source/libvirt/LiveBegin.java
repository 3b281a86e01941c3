package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.ExportedDisk;
import dev.backstep.source.MarkName;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Begins one backup job for all disks of a running domain, with a checkpoint in the same instant. A
 * disk whose bitmap is of no use goes without one, in the same job as its siblings: libvirt refuses
 * the whole job and names the first such disk, so it is asked until it refuses no more.
 */
final class LiveBegin {

  private static final Logger log = LoggerFactory.getLogger(LiveBegin.class);

  private static final Pattern DISK = Pattern.compile("disk '([^']+)'");

  private final HypervisorControl control;
  private final LibvirtSettings settings;
  private final Domain domain;
  private final SnapshotRequest request;
  private final Map<DiskKey, Long> sizes;
  private final Map<DiskKey, ChangeId> since = new HashMap<>();
  private final Map<DiskKey, Long> sizesThen = new HashMap<>();
  private final Map<DiskKey, String> causes = new HashMap<>();
  private final Map<DiskKey, Domain.Disk> disks = new LinkedHashMap<>();
  private final Map<DiskKey, Long> tracked = new LinkedHashMap<>();

  LiveBegin(
      HypervisorControl control, LibvirtSettings settings, Domain domain, SnapshotRequest request)
      throws SourceException {
    this.control = control;
    this.settings = settings;
    this.domain = domain;
    this.request = request;
    this.sizes = control.capacities(domain.uuid());
    for (Domain.Disk disk : domain.disks()) {
      if (!request.exclude().contains(disk.key())) {
        disks.put(disk.key(), disk);
      }
    }
    if (disks.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.FAILED, domain.name() + " has no disk to back up");
    }
    settings.scratch().require();
    chooseTracking();
  }

  private void chooseTracking() throws SourceException {
    Set<String> known = Set.copyOf(control.checkpoints(domain.uuid()));
    Map<ChangeId, Checkpoint> read = new HashMap<>();
    for (Domain.Disk disk : disks.values()) {
      Optional<String> cannot = Untracked.cause(disk);
      ChangeId mark = request.since().get(disk.key());
      if (cannot.isPresent()) {
        causes.put(disk.key(), cannot.get());
        continue;
      }
      tracked.put(disk.key(), sizes.getOrDefault(disk.key(), 0L));
      if (mark == null) {
        causes.put(disk.key(), "no change id was asked about");
      } else if (!known.contains(mark.value())) {
        causes.put(disk.key(), "libvirt does not know the checkpoint " + mark + " any more");
      } else {
        Checkpoint checkpoint = read.get(mark);
        if (checkpoint == null) {
          String xml = control.checkpoint(domain.uuid(), mark.value(), false);
          checkpoint = Checkpoint.parse(xml);
          read.put(mark, checkpoint);
        }
        choose(disk.key(), mark, checkpoint);
      }
    }
  }

  private void choose(DiskKey disk, ChangeId mark, Checkpoint checkpoint) {
    if (checkpoint.sizeOf(disk).isPresent()) {
      since.put(disk, mark);
      sizesThen.put(disk, checkpoint.sizeOf(disk).getAsLong());
    } else {
      causes.put(disk, "checkpoint " + mark + " does not hold this disk");
    }
  }

  /**
   * What was begun.
   *
   * @param quiesce what was achieved
   */
  record Begun(Handle handle, Path socket, String quiesce) {}

  /** Begins the job. Nothing is left behind when this throws. */
  Begun begin(OwnJob job) throws SourceException {
    Path socket = job.newSocket();
    ChangeId name = MarkName.next(request.repository(), request.backup());
    Instant takenAt;
    String outcome;
    try (FrozenGuest guest = FrozenGuest.freeze(control, domain.uuid(), settings.quiesce())) {
      begin(socket, name);
      takenAt = Instant.now();
      outcome = guest.outcome();
    } catch (SourceException e) {
      if (e.kind() == SourceException.Kind.UNREACHABLE) {
        endLate(job, socket, checkpoint(name), e);
      }
      throw e;
    }
    Optional<Checkpoint> checkpoint = checkpoint(name);
    try {
      List<Handle.Disk> begun = new ArrayList<>();
      for (DiskKey disk : disks.keySet()) {
        begun.add(look(disk, socket, checkpoint));
      }
      Handle handle = new Handle(domain.uuid(), takenAt.toString(), socket.toString(), begun, null);
      return new Begun(handle, socket, outcome);
    } catch (SourceException | RuntimeException e) {
      undo(job, checkpoint, e);
      throw e;
    }
  }

  /** What is made in the same instant, of the disks that can be tracked as far as is known. */
  private Optional<Checkpoint> checkpoint(ChangeId name) {
    return tracked.isEmpty() ? Optional.empty() : Optional.of(new Checkpoint(name, tracked));
  }

  private void begin(Path socket, ChangeId name) throws SourceException {
    while (true) {
      try {
        control.begin(
            domain.uuid(),
            new BackupJob(socket, since, disks.keySet()).xml(domain),
            checkpoint(name).map(made -> made.xml(domain)));
        return;
      } catch (ControlException e) {
        if (!isLostTo(e) && !cannotBeTrackedAfter(e)) {
          throw hinted(e);
        }
      }
    }
  }

  /** Whether it is refused for one disk's bitmap of before, which the disk goes without then. */
  private boolean isLostTo(ControlException refusal) {
    boolean lost =
        refusal.why() == ControlException.Why.BROKEN_CHECKPOINT
            || refusal.why() == ControlException.Why.NO_CHECKPOINT;
    Optional<DiskKey> named = named(refusal);
    if (!lost || named.isEmpty() || since.remove(named.get()) == null) {
      return false;
    }
    causes.put(named.get(), String.valueOf(refusal.getMessage()));
    return true;
  }

  /** Whether it is refused for one disk's new bitmap, which the disk goes without then. */
  private boolean cannotBeTrackedAfter(ControlException refusal) {
    Optional<Domain.Disk> old = Untracked.refused(refusal, domain);
    if (old.isEmpty() || tracked.remove(old.get().key()) == null) {
      return false;
    }
    since.remove(old.get().key());
    causes.put(old.get().key(), Untracked.version2(old.get()));
    return true;
  }

  private static Optional<DiskKey> named(ControlException refusal) {
    Matcher matcher = DISK.matcher(String.valueOf(refusal.getMessage()));
    return matcher.find() ? Optional.of(new DiskKey(matcher.group(1))) : Optional.empty();
  }

  private static SourceException hinted(ControlException refusal) {
    String said = String.valueOf(refusal.getMessage());
    return said.contains("in qcow2 v2 files")
        ? new SourceException(
            SourceException.Kind.FAILED,
            said
                + "; with the VM off, `qemu-img amend -o compat=1.1` enables tracking of that disk",
            refusal)
        : refusal;
  }

  private Handle.Disk look(DiskKey disk, Path socket, Optional<Checkpoint> checkpoint)
      throws SourceException {
    long size;
    try {
      size = ExportedDisk.size(NbdUri.unix(socket, disk.value()));
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "disk " + disk + ": " + e.getMessage(), e);
    }
    Long told = tracked.get(disk);
    if (told != null && told != size) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          "disk " + disk + " was resized while the backup began; try again");
    }
    ChangeId mark = since.get(disk);
    boolean marked = told != null && checkpoint.isPresent();
    return new Handle.Disk(
        disk.value(),
        size,
        marked ? checkpoint.get().name().value() : null,
        mark == null ? null : mark.value(),
        sizesThen.getOrDefault(disk, 0L),
        told == null,
        causes.getOrDefault(disk, ""));
  }

  /** Nobody would watch a guest whose job begins after all. */
  private void endLate(
      OwnJob job, Path socket, Optional<Checkpoint> checkpoint, SourceException cause) {
    log.warn("{}: what may begin of its backup is ended: {}", domain.name(), cause.getMessage());
    try {
      if (job.endLate(socket, () -> isShown(socket))) {
        undo(job, checkpoint, cause);
      }
    } catch (SourceException e) {
      cause.addSuppressed(e);
      log.error(
          "{}: a backup job may run that nobody watches; see `virsh domjobinfo {}`, and end it:"
              + " virsh domjobabort {}: {}",
          domain.name(),
          domain.uuid(),
          domain.uuid(),
          e.getMessage());
    }
  }

  /** Whether the disks can be read, which is the last step of a beginning. */
  private boolean isShown(Path socket) {
    try {
      for (DiskKey disk : disks.keySet()) {
        ExportedDisk.size(NbdUri.unix(socket, disk.value()));
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private void undo(OwnJob job, Optional<Checkpoint> checkpoint, Exception cause) {
    try {
      job.end();
      if (checkpoint.isPresent()) {
        control.deleteCheckpoint(domain.uuid(), checkpoint.get().name().value());
      }
    } catch (SourceException left) {
      cause.addSuppressed(left);
    }
  }
}
