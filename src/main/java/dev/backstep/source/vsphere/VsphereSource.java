package dev.backstep.source.vsphere;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceFinding;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A VM at a vCenter or ESXi host. The mark that a backup leaves there is its snapshot, and no
 * backup needs that of another: change ids stay valid without it.
 */
final class VsphereSource implements VmSource {

  private static final Logger log = LoggerFactory.getLogger(VsphereSource.class);

  /** Longer than a restore onto the VM takes to end when its task has. */
  private static final Duration RESTORE_END_MAX = RestoredMachine.END_MAX.plusMinutes(1);

  private final VsphereSettings settings;
  private final Path runFolder;
  private final ConnectionLimits limits;
  private final Set<String> openMarks;

  /** The VM that was found: its name may have changed by the time its snapshot is removed. */
  private volatile @Nullable Moref known;

  /**
   * @param openMarks of snapshots that this process reads, whichever source opened them
   */
  VsphereSource(
      VsphereSettings settings, Path runFolder, ConnectionLimits limits, Set<String> openMarks) {
    this.settings = settings;
    this.runFolder = runFolder;
    this.limits = limits;
    this.openMarks = openMarks;
  }

  private interface Asked<T> {
    T of(VsphereGateway gateway) throws IOException;
  }

  /** In a session of its own. */
  private <T> T ask(Asked<T> asked) throws SourceException {
    try (VsphereGateway gateway = VimClient.open(settings)) {
      return asked.of(gateway);
    } catch (IOException e) {
      throw named(e);
    }
  }

  private SourceException named(IOException e) {
    return e instanceof SourceException source
        ? source
        : new SourceException(
            SourceException.Kind.FAILED, settings.address() + ": " + e.getMessage(), e);
  }

  private Machine find(VsphereGateway gateway) throws IOException {
    Moref ref = known;
    Machine machine =
        ref == null ? new MachineSelection(settings, gateway).find() : gateway.machine(ref);
    known = machine.ref();
    return machine;
  }

  @Override
  public Snapshot snapshot(SnapshotRequest request) throws SourceException {
    VsphereGateway gateway = VimClient.open(settings);
    try {
      Machine found = find(gateway);
      try (MachineLock _ = MachineLock.snapshotting(runFolder, found, RESTORE_END_MAX)) {
        return snapshot(gateway, gateway.machine(found.ref()), request);
      }
    } catch (IOException e) {
      gateway.close();
      throw named(e);
    } catch (RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  private VsphereSnapshot snapshot(VsphereGateway gateway, Machine machine, SnapshotRequest request)
      throws IOException {
    Protection protection = new Protection(machine, request.exclude());
    protection.require();
    protection.remarks(settings.tracking()).forEach(log::warn);
    SnapshotWork work =
        new SnapshotWork(settings, gateway, request.repository(), request.backup(), openMarks);
    SnapshotWork.Taken taken = work.take(machine);
    try {
      return open(gateway, taken, protection.untracked(settings.tracking()), request.exclude());
    } catch (SourceException | RuntimeException e) {
      work.discard(machine.ref(), taken.held(), e);
      throw e;
    }
  }

  private VsphereSnapshot open(
      VsphereGateway gateway,
      SnapshotWork.Taken taken,
      Optional<String> untracked,
      Set<DiskKey> exclude)
      throws SourceException {
    Machine machine = taken.machine();
    // Against what was snapshotted: a disk may have come since the VM was looked at.
    List<DiskFacts> wanted =
        taken.frozen().disks().stream().filter(disk -> !exclude.contains(disk.diskKey())).toList();
    for (DiskFacts disk : wanted) {
      if (disk.obstacle().isPresent()) {
        throw new SourceException(
            SourceException.Kind.FAILED, machine + ": disk " + disk + " " + disk.obstacle().get());
      }
    }
    List<ConnectionLimits.Place> places =
        List.of(
            new ConnectionLimits.Place(settings.address(), settings.connectionsMax()),
            new ConnectionLimits.Place(
                settings.address() + "/" + machine.host(), settings.hostConnectionsMax()));
    Vddk vddk = new Vddk(settings, runFolder);
    List<VsphereDisk> disks = new ArrayList<>();
    for (DiskFacts disk : wanted) {
      Vddk.Disk served = new Vddk.Disk(machine.ref(), Optional.of(taken.held().ref()), disk.file());
      DiskExport export = new DiskExport(vddk, served, gateway.thumbprint(), limits, places);
      disks.add(
          new VsphereDisk(gateway, machine.ref(), taken.held().ref(), disk, untracked, export));
    }
    String mark = SnapshotMark.of(taken.held());
    openMarks.add(mark);
    return new VsphereSnapshot(
        gateway,
        machine,
        taken.held(),
        taken.frozen().configuration(),
        disks,
        () -> openMarks.remove(mark));
  }

  @Override
  public Snapshot reattach(SnapshotRequest request, String handle)
      throws SnapshotGoneException, SourceException {
    SnapshotHandle then = SnapshotHandle.parse(handle);
    VsphereGateway gateway = VimClient.open(settings);
    try {
      SnapshotWork.Taken taken = again(gateway, then);
      Optional<String> untracked =
          new Protection(taken.machine(), request.exclude()).untracked(settings.tracking());
      known = taken.machine().ref();
      return open(gateway, taken, untracked, request.exclude());
    } catch (IOException e) {
      gateway.close();
      throw named(e);
    } catch (SnapshotGoneException | RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  private SnapshotWork.Taken again(VsphereGateway gateway, SnapshotHandle then)
      throws SnapshotGoneException, IOException {
    Machine machine = machineOf(gateway, then);
    Machine.HeldSnapshot held =
        machine.snapshots().stream()
            .filter(one -> one.ref().value().equals(then.snapshot()))
            .filter(one -> SnapshotMark.of(one).equals(then.mark()))
            .findFirst()
            .orElseThrow(
                () -> new SnapshotGoneException(machine + ": its snapshot is not there any more"));
    Optional<String> unusable = SnapshotWork.unusable(gateway, settings, held);
    if (unusable.isPresent()) {
      SnapshotWork.remove(gateway, machine.ref(), held.ref());
      throw new SnapshotGoneException(machine + ": " + unusable.get());
    }
    VsphereGateway.Frozen frozen = gateway.frozen(held.ref());
    for (Map.Entry<String, Long> disk : then.disks().entrySet()) {
      boolean same =
          frozen.disks().stream()
              .anyMatch(now ->
                  now.diskKey().value().equals(disk.getKey())
                      && now.sizeBytes() == disk.getValue());
      if (!same) {
        throw new SnapshotGoneException(
            machine + ": disk " + disk.getKey() + " is not in its snapshot as it was");
      }
    }
    return new SnapshotWork.Taken(machine, held, frozen);
  }

  private static Machine machineOf(VsphereGateway gateway, SnapshotHandle then)
      throws SnapshotGoneException, IOException {
    Machine machine;
    try {
      machine = gateway.machine(Moref.machine(then.machine()));
    } catch (SourceException e) {
      if (e.kind() == SourceException.Kind.NOT_FOUND) {
        throw new SnapshotGoneException("VM " + then.machine() + " is not there any more");
      }
      throw e;
    }
    if (!machine.instanceUuid().equals(then.instanceUuid())) {
      throw new SnapshotGoneException(
          machine + " is another VM than the one that the snapshot was made of");
    }
    return machine;
  }

  @Override
  public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException {
    ask(gateway -> release(gateway, repository));
  }

  /** How many snapshots were removed. */
  private int release(VsphereGateway gateway, RepositoryId repository) throws IOException {
    Machine machine;
    try {
      machine = find(gateway);
    } catch (SourceException e) {
      if (e.kind() == SourceException.Kind.NOT_FOUND) {
        log.info("{}; its snapshots went with it", e.getMessage());
        return 0;
      }
      throw e;
    }
    if (SnapshotWork.ours(machine, repository).isEmpty()) {
      return 0;
    }
    // A process that died may have begun to remove one.
    gateway.awaitSnapshotTasks(machine.ref());
    int removed = 0;
    for (Machine.HeldSnapshot one : SnapshotWork.ours(gateway.machine(machine.ref()), repository)) {
      if (!openMarks.contains(SnapshotMark.of(one))) {
        SnapshotWork.remove(gateway, machine.ref(), one.ref());
        removed++;
      }
    }
    return removed;
  }

  @Override
  public List<SourceFinding> examine(Set<DiskKey> exclude) {
    return new Examination(settings, exclude).run(new Vddk(settings, runFolder));
  }

  @Override
  public Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    return ask(gateway -> {
      Map<DiskKey, Long> sizes = new LinkedHashMap<>();
      for (DiskFacts disk : new Protection(find(gateway), exclude).wanted()) {
        sizes.put(disk.diskKey(), disk.sizeBytes());
      }
      return sizes;
    });
  }
}
