package dev.backstep.source.vsphere;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.MarkName;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes, finds and removes snapshots of ours of one VM, and begins its change tracking. */
final class SnapshotWork {

  private static final Logger log = LoggerFactory.getLogger(SnapshotWork.class);

  /** Of what another task or reader is in the way of for a moment. */
  private static final int TRIES = 4;

  private static final Duration PAUSE = Duration.ofSeconds(1);

  /** The end of the mark of a snapshot that is made and removed only to begin tracking. */
  private static final String STUN = "stun";

  private static final String NOT_AT_REST =
      "its snapshot was taken and the guest had not come to rest, which `quiesce: required` asks"
          + " for";

  private final VsphereSettings settings;
  private final VsphereGateway gateway;
  private final RepositoryId repository;
  private final BackupId backup;
  private final Set<String> inUse;

  /**
   * @param inUse marks of snapshots that this process reads: another definition may mean the same
   *     VM
   */
  SnapshotWork(
      VsphereSettings settings,
      VsphereGateway gateway,
      RepositoryId repository,
      BackupId backup,
      Set<String> inUse) {
    this.settings = settings;
    this.gateway = gateway;
    this.repository = repository;
    this.backup = backup;
    this.inUse = inUse;
  }

  /** A snapshot of ours with what it kept. */
  record Taken(Machine machine, Machine.HeldSnapshot held, VsphereGateway.Frozen frozen) {}

  /**
   * Why a snapshot of ours is not to be read any more; empty when it is.
   *
   * @param held which a process has made that died
   */
  static Optional<String> unusable(
      VsphereGateway gateway, VsphereSettings settings, Machine.HeldSnapshot held)
      throws IOException {
    Duration age = Duration.between(held.takenAt(), gateway.now());
    if (age.compareTo(settings.snapshotAgeMax()) > 0) {
      return Optional.of(
          "its snapshot was "
              + age.toHours()
              + " h old, `snapshot-age-max` allows "
              + settings.snapshotAgeMax().toHours()
              + " h");
    }
    return isRestRequired(settings) && !SnapshotMark.isAtRest(held)
        ? Optional.of(NOT_AT_REST)
        : Optional.empty();
  }

  private static boolean isRestRequired(VsphereSettings settings) {
    return settings.quiesce() == VsphereSettings.Quiesce.REQUIRED;
  }

  /**
   * The backup's snapshot: the one that a process has made which died before it could say so, else
   * a new one. Leftovers of other backups into the repository are removed first.
   */
  Taken take(Machine found) throws IOException {
    gateway.awaitSnapshotTasks(found.ref());
    Machine machine = gateway.machine(found.ref());
    Optional<Machine.HeldSnapshot> ours =
        machine.snapshots().stream()
            .filter(one -> SnapshotMark.belongsTo(one, repository, backup))
            .filter(one -> !SnapshotMark.of(one).endsWith("." + STUN))
            .reduce((first, second) -> second);
    Optional<String> unusable =
        ours.isPresent() ? unusable(gateway, settings, ours.get()) : Optional.empty();
    if (unusable.isPresent()) {
      log.warn("{}: {}; another one is made", machine, unusable.get());
      ours = Optional.empty();
    }
    for (Machine.HeldSnapshot one : ours(machine, repository)) {
      if (!ours.equals(Optional.of(one)) && !inUse.contains(SnapshotMark.of(one))) {
        log.info("{}: removing the snapshot {} that was left", machine, one.name());
        remove(machine.ref(), one.ref());
      }
    }
    if (ours.isPresent()) {
      log.info("{}: {} was made before its process died", machine, ours.get().name());
      return taken(machine.ref(), SnapshotMark.of(ours.get()));
    }
    machine = gateway.machine(machine.ref());
    requireRest(machine);
    machine = tracked(machine);
    Taken taken = create(machine);
    if (tracksNothing(taken) && machine.poweredOn()) {
      // Tracking was switched on, and the VM was not stunned since: removing a snapshot does that.
      remove(machine.ref(), taken.held().ref());
      taken = create(machine);
    }
    return taken;
  }

  private void requireRest(Machine machine) throws SourceException {
    Optional<String> restless = machine.restless();
    if (restless.isPresent() && isRestRequired(settings)) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          machine
              + ": "
              + restless.get()
              + ", which `quiesce: required` asks for; see to that, or let the definition say"
              + " `quiesce: try`");
    }
  }

  private static boolean tracksNothing(Taken taken) {
    return taken.machine().tracking()
        && taken.machine().snapshots().size() == 1
        && taken.frozen().disks().stream().allMatch(disk -> disk.changeId().isEmpty());
  }

  /** By VMware's recipe: switched on, then a snapshot is made and removed. */
  private Machine tracked(Machine machine) throws IOException {
    if (machine.tracking()
        || !machine.trackable()
        || !settings.tracking()
        || !machine.snapshots().isEmpty()) {
      return machine;
    }
    log.info("{}: change tracking is switched on", machine);
    gateway.setTracking(machine.ref(), true);
    if (machine.poweredOn()) {
      ChangeId mark = MarkName.of(repository, backup, STUN);
      gateway.createSnapshot(
          machine.ref(),
          SnapshotMark.name(backup),
          SnapshotMark.description(backup, mark, false),
          false);
      for (Machine.HeldSnapshot one : gateway.machine(machine.ref()).snapshots()) {
        if (SnapshotMark.of(one).equals(mark.value())) {
          remove(machine.ref(), one.ref());
        }
      }
    }
    return gateway.machine(machine.ref());
  }

  private Taken create(Machine machine) throws IOException {
    ChangeId mark = SnapshotMark.make(repository, backup);
    String name = SnapshotMark.name(backup);
    String description = SnapshotMark.description(backup, mark, machine.poweredOff());
    boolean quiesce = machine.poweredOn() && settings.quiesce() != VsphereSettings.Quiesce.OFF;
    try {
      createUnlessBusy(machine, name, description, quiesce);
    } catch (VsphereFault e) {
      if (!quiesce
          || settings.quiesce() != VsphereSettings.Quiesce.TRY
          || e.kind() != SourceException.Kind.FAILED) {
        throw e;
      }
      log.warn(
          "{}: the guest did not come to rest, the snapshot is taken without: {}",
          machine,
          e.getMessage());
      createUnlessBusy(machine, name, description, false);
    } catch (SourceException e) {
      requireMade(machine.ref(), mark, e);
    }
    Taken taken = taken(machine.ref(), mark.value());
    if (settings.quiesce() != VsphereSettings.Quiesce.OFF && !SnapshotMark.isAtRest(taken.held())) {
      log.warn(
          "{}: the snapshot is as after a power failure{}",
          machine,
          machine.restless().map(why -> ": " + why).orElse(""));
    }
    return taken;
  }

  /** Another task that works on the VM, such as a migration, says nothing about its guest. */
  private void createUnlessBusy(Machine machine, String name, String description, boolean quiesce)
      throws IOException {
    for (int tries = 1; ; tries++) {
      try {
        gateway.createSnapshot(machine.ref(), name, description, quiesce);
        return;
      } catch (VsphereFault e) {
        if (tries == TRIES || e.kind() != SourceException.Kind.LOCKED) {
          throw e;
        }
        pause(e, tries);
      }
    }
  }

  private static void pause(VsphereFault why, int tries) throws SourceException {
    log.info("{}; trying again", why.getMessage());
    Pauses.pause(PAUSE.toMillis() << (tries - 1));
  }

  /** The connection broke: the vCenter may be making it all the same. */
  private void requireMade(Moref machine, ChangeId mark, SourceException broken)
      throws SourceException {
    try {
      gateway.awaitSnapshotTasks(machine);
      boolean made =
          gateway.machine(machine).snapshots().stream()
              .anyMatch(one -> SnapshotMark.of(one).equals(mark.value()));
      if (made) {
        return;
      }
    } catch (IOException e) {
      broken.addSuppressed(e);
    }
    throw broken;
  }

  private Taken taken(Moref ref, String mark) throws IOException {
    Machine machine = gateway.machine(ref);
    Machine.HeldSnapshot held =
        machine.snapshots().stream()
            .filter(one -> SnapshotMark.of(one).equals(mark))
            .findFirst()
            .orElseThrow(() ->
                new SourceException(
                    SourceException.Kind.FAILED,
                    machine + ": its snapshot was made and is not there; did somebody remove it?"));
    try {
      if (isRestRequired(settings) && !SnapshotMark.isAtRest(held)) {
        throw new SourceException(
            SourceException.Kind.FAILED, machine + ": " + NOT_AT_REST + "; it is removed");
      }
      return new Taken(machine, held, gateway.frozen(held.ref()));
    } catch (IOException e) {
      discard(ref, held, e);
      throw e;
    }
  }

  /** Nothing stays at the source of a snapshot that came to nothing. */
  void discard(Moref machine, Machine.HeldSnapshot held, Exception why) {
    try {
      remove(machine, held.ref());
    } catch (IOException e) {
      why.addSuppressed(e);
    }
  }

  private void remove(Moref machine, Moref snapshot) throws IOException {
    remove(gateway, machine, snapshot);
  }

  /** Removes a snapshot and sees to it that its files are gone, too. */
  static void remove(VsphereGateway gateway, Moref machine, Moref snapshot) throws IOException {
    for (int tries = 1; ; tries++) {
      try {
        gateway.removeSnapshot(snapshot);
        break;
      } catch (VsphereFault e) {
        // A disk may be locked for a moment by who has just read it.
        if (tries == TRIES || e.kind() == SourceException.Kind.UNREACHABLE) {
          throw e;
        }
        pause(e, tries);
      }
    }
    Machine now = gateway.machine(machine);
    if (now.snapshots().stream().anyMatch(one -> one.ref().equals(snapshot))) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          now + ": " + snapshot + " was removed and is still there; look at the vCenter's tasks");
    }
    if (now.consolidationNeeded()) {
      gateway.consolidate(machine);
      if (gateway.machine(machine).consolidationNeeded()) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            machine
                + ": the snapshot is removed and its files are not; consolidate the VM at the"
                + " vCenter");
      }
    }
  }

  /** All snapshots of a VM that are ours and this repository's. */
  static List<Machine.HeldSnapshot> ours(Machine machine, RepositoryId repository) {
    return machine.snapshots().stream()
        .filter(one -> MarkName.belongsTo(repository, SnapshotMark.of(one)))
        .toList();
  }
}
