package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.GuestGuard;
import dev.backstep.source.MarkName;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceFinding;
import dev.backstep.source.VmSource;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A domain of libvirt: while it runs, by one backup job for all disks; while it is off, by its
 * files. The change id is the checkpoint's name in both cases, so one follows on the other.
 */
final class LibvirtSource implements VmSource {

  private static final Logger log = LoggerFactory.getLogger(LibvirtSource.class);

  private static final Duration GUARD_INTERVAL = Duration.ofSeconds(1);

  private final LibvirtSettings settings;
  private final HypervisorControl control;
  private final Path runFolder;

  LibvirtSource(LibvirtSettings settings, HypervisorControl control, Path runFolder) {
    this.settings = settings;
    this.control = control;
    this.runFolder = runFolder;
  }

  private Domain domain() throws SourceException {
    return Domain.parse(control.definition(settings.domain(), HypervisorControl.View.LIVE));
  }

  private OwnJob job(Domain domain, RepositoryId repository) {
    return new OwnJob(control, domain.uuid(), settings.scratch().folder(), repository);
  }

  @Override
  public Snapshot snapshot(SnapshotRequest request) throws SourceException {
    Domain domain = domain();
    OwnJob job = job(domain, request.repository());
    job.clear();
    HypervisorControl.State state = job.wake();
    if (state == HypervisorControl.State.CHANGING) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          domain.name() + " is starting or shutting down; try again when it has");
    }
    if (state == HypervisorControl.State.PAUSED_IO_ERROR) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          domain.name()
              + " stands still because one of its disks could not be read or written; look for room"
              + " where they lie, then run: virsh resume "
              + domain.uuid());
    }
    tidy(request, domain, state);
    try (Hooks.Held _ = settings.hooks().hold(domain)) {
      return snapshot(request, domain, job, state);
    }
  }

  private Snapshot snapshot(
      SnapshotRequest request, Domain domain, OwnJob job, HypervisorControl.State state)
      throws SourceException {
    return state == HypervisorControl.State.SHUT_OFF
        ? new OffDomain(control, domain, runFolder).snapshot(request)
        : live(domain, job, request);
  }

  /** What failed backups left; a mark more costs little, so it stops no backup. */
  private void tidy(SnapshotRequest request, Domain domain, HypervisorControl.State state) {
    Set<ChangeId> since = new HashSet<>(request.since().values());
    try {
      release(domain, state, request.repository(), since);
      if (state != HypervisorControl.State.SHUT_OFF) {
        new Checkpoints(control, domain.uuid(), request.repository())
            .deleteForgotten(domain, since);
      }
    } catch (SourceException e) {
      log.warn("{}: old checkpoints stay for now: {}", domain.name(), e.getMessage());
    }
  }

  private Snapshot live(Domain domain, OwnJob job, SnapshotRequest request) throws SourceException {
    String definition = control.definition(domain.uuid(), HypervisorControl.View.PERSISTENT);
    LiveBegin.Begun begun = new LiveBegin(control, settings, domain, request).begin(job);
    return opened(
        request.repository(),
        domain,
        begun.handle(),
        begun.socket(),
        vmDefinition(definition, begun.quiesce()));
  }

  /**
   * What a restore point keeps of the domain.
   *
   * @param definition its XML as it starts next time
   * @param quiesce what was achieved
   */
  static Map<String, String> vmDefinition(String definition, String quiesce) {
    return Map.of(RestoredDomain.DEFINITION, definition, "quiesce", quiesce);
  }

  private Snapshot opened(
      RepositoryId repository,
      Domain domain,
      Handle handle,
      Path socket,
      Map<String, String> vmDefinition) {
    OwnJob job = job(domain, repository);
    GuestGuard guard =
        GuestGuard.start(
            domain.name(), new RunningGuest(control, domain.uuid(), settings, job), GUARD_INTERVAL);
    Checkpoints checkpoints = new Checkpoints(control, domain.uuid(), repository);
    return new LiveSnapshot(
        handle, socket, job, checkpoints, guard, settings.connections(), vmDefinition);
  }

  @Override
  public Snapshot reattach(SnapshotRequest request, String text)
      throws SnapshotGoneException, SourceException {
    Handle handle = Handle.parse(text);
    Domain domain = domain();
    if (!domain.uuid().equals(handle.uuid())) {
      throw new SnapshotGoneException(
          settings.domain() + " is another domain than at the snapshot: " + domain.uuid());
    }
    HypervisorControl.State state = control.state(domain.uuid());
    if (handle.socket() == null) {
      return new OffDomain(control, domain, runFolder).reattach(request, handle, state);
    }
    OwnJob job = job(domain, request.repository());
    Path socket = Path.of(handle.socket());
    if (!job.runs(socket) || LiveSnapshot.isEnding(socket)) {
      throw new SnapshotGoneException("the backup job behind " + socket + " has ended");
    }
    if (state == HypervisorControl.State.PAUSED_IO_ERROR) {
      job.end();
      throw new SnapshotGoneException("the guest stood still for want of room; it goes on now");
    }
    requireSame(domain, handle);
    return opened(request.repository(), domain, handle, socket, Map.of());
  }

  /** The same job is the same moment, if it shows the same disks. */
  private void requireSame(Domain domain, Handle handle)
      throws SourceException, SnapshotGoneException {
    Set<DiskKey> shown = BackupJob.disksOf(control.backupJob(domain.uuid()).orElse("<none/>"));
    for (Handle.Disk disk : handle.disks()) {
      if (!shown.contains(new DiskKey(disk.key()))) {
        throw new SnapshotGoneException("the backup job does not show disk " + disk.key());
      }
    }
  }

  @Override
  public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException {
    Domain domain = domain();
    job(domain, repository).end();
    Set<ChangeId> needed = new HashSet<>();
    keep.values().forEach(needed::addAll);
    release(domain, control.state(domain.uuid()), repository, needed);
  }

  /** A checkpoint is of all disks: it stays as long as one of them needs it. */
  private void release(
      Domain domain, HypervisorControl.State state, RepositoryId repository, Set<ChangeId> needed)
      throws SourceException {
    Checkpoints checkpoints = new Checkpoints(control, domain.uuid(), repository);
    if (state == HypervisorControl.State.SHUT_OFF) {
      new OffDomain(control, domain, runFolder).release(repository, needed);
      checkpoints.forgetUnneeded(needed);
    } else {
      checkpoints.deleteUnneeded(needed);
    }
  }

  @Override
  public List<SourceFinding> examine(Set<DiskKey> exclude) {
    List<SourceFinding> found = new ArrayList<>();
    try {
      Domain domain = domain();
      HypervisorControl.State state = control.state(domain.uuid());
      String text = domain.name() + " " + domain.uuid() + ", " + state;
      found.add(new SourceFinding(true, "domain", text));
      Optional<String> obstacle =
          OwnJob.obstacle(control, domain.uuid(), settings.scratch().folder());
      found.add(
          new SourceFinding(obstacle.isEmpty(), "job", obstacle.orElse("none is in the way")));
      if (state == HypervisorControl.State.RUNNING && settings.quiesce() != Quiesce.OFF) {
        found.add(agent(domain));
      }
      found.add(new SourceFinding(true, "checkpoints", checkpoints(domain)));
      found.add(settings.scratch().finding());
      Map<DiskKey, Long> sizes = control.capacities(domain.uuid());
      for (Domain.Disk disk : domain.disks()) {
        if (!exclude.contains(disk.key())) {
          found.add(finding(disk, sizes.getOrDefault(disk.key(), 0L)));
        }
      }
    } catch (SourceException e) {
      found.add(new SourceFinding(false, "domain", String.valueOf(e.getMessage())));
    }
    return found;
  }

  /** Each one costs the domain a little, so an operator may ask whose they are. */
  private String checkpoints(Domain domain) throws SourceException {
    List<String> names = control.checkpoints(domain.uuid());
    return names.isEmpty()
        ? "none"
        : names.stream().map(LibvirtSource::withItsOwner).collect(Collectors.joining("; "));
  }

  private static String withItsOwner(String checkpoint) {
    return MarkName.repositoryOf(checkpoint)
        .map(repository -> checkpoint + " (ours, for the repository " + repository + ")")
        .orElse(checkpoint + " (another program's)");
  }

  private SourceFinding agent(Domain domain) {
    return domain.agent()
        ? new SourceFinding(true, "agent", "connected")
        : new SourceFinding(
            settings.quiesce() != Quiesce.REQUIRED,
            "agent",
            "none is connected, so no file system can be frozen; install qemu-guest-agent in the"
                + " guest, and a channel for it in the domain");
  }

  private static SourceFinding finding(Domain.Disk disk, long sizeBytes) {
    String tracking = Untracked.cause(disk).orElse("changes can be tracked");
    return new SourceFinding(true, "disk " + disk.key(), sizeBytes + " bytes, " + tracking);
  }

  @Override
  public Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    Domain domain = domain();
    Map<DiskKey, Long> all = control.capacities(domain.uuid());
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (Domain.Disk disk : domain.disks()) {
      Long size = all.get(disk.key());
      if (size != null && !exclude.contains(disk.key())) {
        sizes.put(disk.key(), size);
      }
    }
    return sizes;
  }
}
