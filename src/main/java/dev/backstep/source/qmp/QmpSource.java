package dev.backstep.source.qmp;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceFinding;
import dev.backstep.source.VmSource;
import dev.backstep.source.file.FileDisks;
import dev.backstep.source.file.Marking;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A VM of QEMU: while it runs, through its monitor; while it is off, by its files, where the
 * definition names them. Marks are the same persistent bitmaps in both cases, so one follows on the
 * other.
 */
final class QmpSource implements VmSource {

  private static final Logger log = LoggerFactory.getLogger(QmpSource.class);

  private static final Duration GUARD_INTERVAL = Duration.ofSeconds(1);

  private final QmpSettings settings;
  private final Path runFolder;

  QmpSource(QmpSettings settings, Path runFolder) {
    this.settings = settings;
    this.runFolder = runFolder;
  }

  /** Something that is asked of QEMU while it runs, and of the files while it does not. */
  private interface Asked<T> {
    T by(Qemu qemu) throws SourceException;
  }

  private interface AskedOff<T> {
    T by(FileDisks files) throws SourceException;
  }

  private <T> T ask(Set<DiskKey> exclude, Asked<T> running, AskedOff<T> off)
      throws SourceException {
    try (Qemu qemu = Qemu.at(settings.socket())) {
      return running.by(qemu);
    } catch (QmpException e) {
      boolean named =
          settings.disks().stream()
              .filter(disk -> !exclude.contains(disk.key()))
              .allMatch(disk -> QmpSettings.path(disk).isPresent());
      if (e.why() != QmpException.Why.ABSENT || !named) {
        throw e;
      }
      log.debug("{}: off, its files are used", settings.socket());
      return off.by(files());
    }
  }

  private FileDisks files() {
    List<DiskDefinition> files = new ArrayList<>();
    for (DiskDefinition disk : settings.disks()) {
      QmpSettings.path(disk)
          .ifPresent(path -> files.add(new DiskDefinition(disk.key(), path, Map.of())));
    }
    return new FileDisks(files, runFolder, Marking.OF_EACH_DISK);
  }

  private OwnWork work(RepositoryId repository) {
    return new OwnWork(settings, repository);
  }

  @Override
  public Snapshot snapshot(SnapshotRequest request) throws SourceException {
    OwnWork work = work(request.repository());
    return ask(
        request.exclude(),
        qemu -> live(qemu, work, request),
        files -> {
          work.removeFiles();
          return files.snapshot(request);
        });
  }

  private Snapshot live(Qemu qemu, OwnWork work, SnapshotRequest request) throws SourceException {
    if (work.clear(qemu)) {
      log.warn("{}: what a snapshot has left was removed", settings.socket());
    }
    work.refuseOthers(qemu);
    if (qemu.isStuck()) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          settings.socket()
              + ": the guest stands still after an I/O error; make room or repair the disk, and let"
              + " it go on (QMP command cont)");
    }
    tidy(qemu, request);
    return opened(new Begin(qemu, work, settings, request).begin(), work);
  }

  /** What failed backups left; a mark more costs little, so it stops no backup. */
  private void tidy(Qemu qemu, SnapshotRequest request) {
    Map<DiskKey, Set<ChangeId>> keep = new HashMap<>();
    for (DiskDefinition disk : settings.disks()) {
      if (!request.exclude().contains(disk.key())) {
        ChangeId since = request.since().get(disk.key());
        keep.put(disk.key(), since == null ? Set.of() : Set.of(since));
      }
    }
    try {
      Marks.release(qemu, settings.disks(), request.repository(), keep);
    } catch (SourceException e) {
      log.warn("{}: old bitmaps stay for now: {}", settings.socket(), e.getMessage());
    }
  }

  private Snapshot opened(Handle handle, OwnWork work) {
    RunningGuest guest = new RunningGuest(settings, work);
    GuestGuard guard =
        GuestGuard.start(String.valueOf(settings.socket().getFileName()), guest, GUARD_INTERVAL);
    return new QmpSnapshot(handle, guest, guard);
  }

  @Override
  public Snapshot reattach(SnapshotRequest request, String text)
      throws SnapshotGoneException, SourceException {
    Optional<Handle> live = Handle.parse(text);
    OwnWork work = work(request.repository());
    try (Qemu qemu = Qemu.at(settings.socket())) {
      if (live.isEmpty()) {
        throw new SnapshotGoneException(settings.socket() + ": the VM was started since");
      }
      return reattach(qemu, live.get(), work);
    } catch (QmpException e) {
      if (e.why() != QmpException.Why.ABSENT) {
        throw e;
      }
      if (live.isPresent()) {
        throw new SnapshotGoneException(
            settings.socket() + ": the VM has ended, and its snapshot with it");
      }
    }
    return files().reattach(request, text);
  }

  private Snapshot reattach(Qemu qemu, Handle handle, OwnWork work)
      throws SnapshotGoneException, SourceException {
    if (!work.runs(qemu, handle.names(), handle.disks().size())) {
      throw new SnapshotGoneException("the jobs of " + handle.work() + " have ended");
    }
    if (qemu.isStuck()) {
      work.clear(qemu);
      throw new SnapshotGoneException("the guest stood still for want of room; it goes on now");
    }
    return opened(handle, work);
  }

  @Override
  public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException {
    OwnWork work = work(repository);
    ask(
        Set.of(),
        qemu -> {
          work.clear(qemu);
          Marks.release(qemu, settings.disks(), repository, keep);
          return true;
        },
        files -> {
          work.removeFiles();
          files.releaseMarks(repository, keep);
          return true;
        });
  }

  @Override
  public List<SourceFinding> examine(Set<DiskKey> exclude) {
    List<SourceFinding> found = new ArrayList<>();
    try {
      ask(exclude, qemu -> found.addAll(running(qemu, exclude)), files -> found.add(off()));
    } catch (SourceException e) {
      found.add(new SourceFinding(false, "qemu", String.valueOf(e.getMessage())));
    }
    return found;
  }

  private SourceFinding off() {
    return new SourceFinding(true, "qemu", settings.socket() + ": off, its files are used");
  }

  private List<SourceFinding> running(Qemu qemu, Set<DiskKey> exclude) throws SourceException {
    List<SourceFinding> found = new ArrayList<>();
    String state = "version " + qemu.version() + ", " + qemu.status();
    found.add(new SourceFinding(!qemu.isStuck(), "qemu", settings.socket() + ": " + state));
    found.add(settings.scratch().finding());
    Disks disks = Disks.of(qemu);
    for (DiskDefinition disk : settings.disks()) {
      if (!exclude.contains(disk.key())) {
        found.add(finding(disks, disk));
      }
    }
    return found;
  }

  private static SourceFinding finding(Disks disks, DiskDefinition disk) {
    String what = "disk " + disk.key();
    try {
      Node node = disks.node(disk);
      String tracking = Disks.untracked(disk, node).orElse("changes can be tracked");
      return new SourceFinding(true, what, node.sizeBytes() + " bytes, " + tracking);
    } catch (SourceException e) {
      return new SourceFinding(false, what, String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    return ask(exclude, qemu -> sizes(qemu, exclude), files -> files.sizes(exclude));
  }

  private Map<DiskKey, Long> sizes(Qemu qemu, Set<DiskKey> exclude) throws SourceException {
    Disks disks = Disks.of(qemu);
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (DiskDefinition disk : settings.disks()) {
      if (!exclude.contains(disk.key())) {
        sizes.put(disk.key(), disks.node(disk).sizeBytes());
      }
    }
    return sizes;
  }
}
