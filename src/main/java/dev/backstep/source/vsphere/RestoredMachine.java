package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.NbdServer;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A VM at a vCenter or ESXi host whose disks are served for writing, for as long as this is open.
 * What is written so is not seen by change tracking, so tracking is off meanwhile and begins anew
 * behind it: the next backup is full.
 */
public final class RestoredMachine implements AutoCloseable {

  private static final List<String> PRIVILEGES =
      List.of(
          "VirtualMachine.Config.ChangeTracking",
          "VirtualMachine.Config.DiskLease",
          "VirtualMachine.Provisioning.DiskRandomAccess");

  /** A VDDK that is ended writes out what it holds. */
  static final Duration END_MAX = Duration.ofMinutes(5);

  /** Of sockets whose names say which disk of which VM is behind them. */
  private static final String SOCKET_PREFIX = "nbd-onto-";

  private final VsphereGateway gateway;
  private final Machine machine;
  private final MachineLock lock;
  private final SnapshotCare care;
  private final Map<DiskKey, NbdServer> servers = new LinkedHashMap<>();

  private RestoredMachine(VsphereGateway gateway, Machine machine, MachineLock lock) {
    this.gateway = gateway;
    this.machine = machine;
    this.lock = lock;
    this.care = new SnapshotCare(gateway, List.of());
  }

  /**
   * Serves disks of the VM that a definition names. The caller closes it when all is written.
   *
   * @param runFolder for sockets and records of processes; made when absent
   * @param sizes in bytes, of the disks that will be written
   * @param before where an earlier command served them, which is where they are served again; empty
   *     when there was none
   * @throws SourceException {@code LOCKED} when the VM is not off, has snapshots, is served by
   *     another command, or a backup of it begins; {@code FAILED} when a disk is not there, is not
   *     written through, has another size, or is not the one that was served before, or when the
   *     path of the run folder is too long. Nothing has changed at the vCenter then
   */
  public static RestoredMachine open(
      SourceDefinition definition,
      Path runFolder,
      Map<DiskKey, Long> sizes,
      Map<DiskKey, NbdUri> before)
      throws SourceException {
    VsphereSettings settings = VsphereSettings.of(definition);
    VsphereGateway gateway = VimClient.open(settings);
    try {
      Machine found = new MachineSelection(settings, gateway).find();
      MachineLock lock = MachineLock.writing(runFolder, found);
      try {
        Machine machine = gateway.machine(found.ref());
        List<DiskFacts> disks = writable(settings, gateway, machine, runFolder, sizes, before);
        RestoredMachine opened = new RestoredMachine(gateway, machine, lock);
        opened.serve(new Vddk(settings, runFolder), disks);
        opened.care.start();
        return opened;
      } catch (IOException | RuntimeException e) {
        lock.close();
        throw e;
      }
    } catch (SourceException e) {
      gateway.close();
      throw e;
    } catch (IOException e) {
      gateway.close();
      throw new SourceException(
          SourceException.Kind.FAILED, settings.address() + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      gateway.close();
      throw e;
    }
  }

  /** The disks that will be written; nothing is in the way of that. */
  private static List<DiskFacts> writable(
      VsphereSettings settings,
      VsphereGateway gateway,
      Machine machine,
      Path runFolder,
      Map<DiskKey, Long> sizes,
      Map<DiskKey, NbdUri> before)
      throws IOException {
    requireAtRest(machine);
    List<DiskFacts> disks = wanted(machine, sizes);
    requireServedBefore(machine, runFolder, before);
    requirePrivileges(settings, gateway, machine);
    ChildProcess.endLeftovers(runFolder);
    for (DiskFacts disk : disks) {
      NbdServer.requireUnserved(runFolder, socket(machine, disk.diskKey()));
    }
    return disks;
  }

  private static void requireAtRest(Machine machine) throws SourceException {
    if (!machine.poweredOff()) {
      throw locked(machine, "is not off; shut it down, or name another VM");
    }
    if (!machine.snapshots().isEmpty()) {
      throw locked(
          machine,
          "has snapshots ("
              + String.join(
                  ", ", machine.snapshots().stream().map(Machine.HeldSnapshot::name).toList())
              + "), and writing below them would damage them; remove them first");
    }
    if (machine.consolidationNeeded()) {
      throw locked(machine, "has files of removed snapshots; consolidate it at the vCenter first");
    }
  }

  private static SourceException locked(Machine machine, String why) {
    return new SourceException(SourceException.Kind.LOCKED, machine + " " + why);
  }

  private static List<DiskFacts> wanted(Machine machine, Map<DiskKey, Long> sizes)
      throws SourceException {
    List<DiskFacts> wanted = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (Map.Entry<DiskKey, Long> size : sizes.entrySet()) {
      Optional<DiskFacts> found =
          machine.disks().stream().filter(disk -> disk.diskKey().equals(size.getKey())).findFirst();
      if (found.isEmpty()) {
        wrong.add("it has no disk " + size.getKey());
      } else if (found.get().obstacle().isPresent()) {
        wrong.add("disk " + found.get() + " " + found.get().obstacle().get());
      } else if (found.get().sizeBytes() != size.getValue()) {
        wrong.add(
            "disk "
                + found.get()
                + " has "
                + found.get().sizeBytes()
                + " bytes, and what is restored has "
                + size.getValue());
      }
      found.ifPresent(wanted::add);
    }
    if (!wrong.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.FAILED, machine + ": " + String.join("; ", wrong));
    }
    return wanted;
  }

  /** Whether this is where a disk of a VM is served by the command that restores it. */
  public static boolean isServedByCommand(NbdUri uri) {
    return uri.socket()
        .map(socket -> socket.getFileName().toString().startsWith(SOCKET_PREFIX))
        .orElse(false);
  }

  private static void requireServedBefore(
      Machine machine, Path runFolder, Map<DiskKey, NbdUri> before) throws SourceException {
    for (Map.Entry<DiskKey, NbdUri> disk : before.entrySet()) {
      Path now = runFolder.resolve(socket(machine, disk.getKey()));
      if (!disk.getValue().socket().equals(Optional.of(now))) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            machine
                + ": what was begun is not written onto disk "
                + disk.getKey()
                + " of this VM, or was written with another home folder; name what was named"
                + " then, or begin anew");
      }
    }
  }

  /**
   * The same for the same disk of the same VM, so that what was begun can go on: also when it was
   * registered anew, or is asked for at its ESXi host, and has another moref.
   */
  private static String socket(Machine machine, DiskKey disk) {
    String key = disk.value().replaceAll("[^A-Za-z0-9-]", "_");
    return SOCKET_PREFIX + key + "-" + MachineLock.id(machine);
  }

  private static void requirePrivileges(
      VsphereSettings settings, VsphereGateway gateway, Machine machine) throws IOException {
    Set<String> missing = gateway.missingPrivileges(machine.ref(), PRIVILEGES);
    if (!missing.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          machine + ": " + settings.user() + " lacks " + String.join(", ", missing));
    }
  }

  private void serve(Vddk vddk, List<DiskFacts> disks) throws IOException {
    try {
      if (machine.tracking()) {
        gateway.setTracking(machine.ref(), false);
      }
      for (DiskFacts disk : disks) {
        Vddk.Disk served = new Vddk.Disk(machine.ref(), Optional.empty(), disk.file());
        String socket = socket(machine, disk.diskKey());
        servers.put(disk.diskKey(), vddk.serve(served, gateway.thumbprint(), socket));
      }
    } catch (IOException | RuntimeException e) {
      servers.values().forEach(NbdServer::close);
      track(e);
      throw e;
    }
  }

  /** For messages. */
  public String name() {
    return machine.toString();
  }

  /** Where each disk is written to. */
  public Map<DiskKey, NbdUri> exports() {
    Map<DiskKey, NbdUri> exports = new LinkedHashMap<>();
    servers.forEach((key, server) -> exports.put(key, server.uri()));
    return exports;
  }

  private void track(Exception why) {
    try {
      track();
    } catch (IOException e) {
      why.addSuppressed(e);
    }
  }

  /**
   * Change tracking as it was; begun anew where somebody has switched it on in between. Beside a
   * snapshot, where it must not begin, it stays off.
   *
   * @return the snapshot that was made in between
   */
  private Optional<String> track() throws IOException {
    Machine now = gateway.machine(machine.ref());
    if (now.tracking()) {
      gateway.setTracking(machine.ref(), false);
    }
    Optional<String> snapshot =
        now.snapshots().stream().map(Machine.HeldSnapshot::name).findFirst();
    if (snapshot.isEmpty() && (now.tracking() || machine.tracking())) {
      gateway.setTracking(machine.ref(), true);
    }
    return snapshot;
  }

  /**
   * Ends serving.
   *
   * @throws SourceException when a server did not end in order, so that what was written last may
   *     not be on its disk, when the VM was snapshotted meanwhile, or when nobody knows
   */
  @Override
  public void close() throws SourceException {
    try (gateway;
        lock;
        care) {
      List<String> wrong = new ArrayList<>();
      List<DiskKey> broken = end();
      if (!broken.isEmpty()) {
        wrong.add(
            "nbdkit did not end in order for disks "
                + broken
                + "; what was written last may be missing there: restore them again");
      }
      try {
        track()
            .ifPresent(snapshot ->
                wrong.add(
                    "has a snapshot that was made while its disks were written ("
                        + snapshot
                        + "): a backup of it holds a part of what was restored; remove both, and"
                        + " restore again. Its change tracking is off until a backup finds no"
                        + " snapshots"));
      } catch (IOException e) {
        wrong.add(
            "change tracking could not be begun anew, nor a snapshot be looked for that was made"
                + " meanwhile ("
                + e.getMessage()
                + "); where the vCenter shows tracking as on, switch it off before the next"
                + " backup, which switches it on again");
      }
      if (!wrong.isEmpty()) {
        throw new SourceException(
            SourceException.Kind.FAILED, machine + ": " + String.join("; ", wrong));
      }
    }
  }

  /** Returns the disks whose servers did not do so in order. */
  private List<DiskKey> end() {
    List<DiskKey> broken = new ArrayList<>();
    servers.forEach((key, server) -> {
      if (!server.end(END_MAX)) {
        broken.add(key);
      }
    });
    servers.clear();
    return broken;
  }
}
