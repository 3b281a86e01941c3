package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.MarkName;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceFinding;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Looks at all that a backup of a VM needs, from the login to the VDDK; changes nothing. */
final class Examination {

  /** What a backup does with a VM; {@code docs/vsphere.md} has the whole list. */
  private static final List<String> PRIVILEGES =
      List.of(
          "VirtualMachine.State.CreateSnapshot",
          "VirtualMachine.State.RemoveSnapshot",
          "VirtualMachine.Config.ChangeTracking",
          "VirtualMachine.Config.DiskLease",
          "VirtualMachine.Provisioning.DiskRandomRead",
          "VirtualMachine.Provisioning.GetVmFiles");

  /** What the VDDK does at the datastores. */
  private static final List<String> DATASTORE_PRIVILEGES =
      List.of("Datastore.Browse", "Datastore.FileManagement");

  private final VsphereSettings settings;
  private final Set<DiskKey> exclude;
  private final List<SourceFinding> findings = new ArrayList<>();

  Examination(VsphereSettings settings, Set<DiskKey> exclude) {
    this.settings = settings;
    this.exclude = exclude;
  }

  List<SourceFinding> run(Vddk vddk) {
    try {
      found(true, "vddk", "version " + vddk.version());
    } catch (IOException e) {
      found(false, "vddk", String.valueOf(e.getMessage()));
    }
    try (VsphereGateway gateway = VimClient.open(settings)) {
      found(true, "server", settings.address() + ", " + gateway.fullName());
      Machine machine = new MachineSelection(settings, gateway).find();
      found(true, "machine", machine + (machine.poweredOn() ? ", running" : ", not running"));
      protection(machine);
      privileges(gateway, "the VM", machine.ref(), PRIVILEGES);
      for (Map.Entry<Moref, String> one : gateway.datastores(machine.ref()).entrySet()) {
        privileges(gateway, "datastore " + one.getValue(), one.getKey(), DATASTORE_PRIVILEGES);
      }
    } catch (SourceException e) {
      found(false, "server", String.valueOf(e.getMessage()));
    } catch (IOException e) {
      found(false, "server", settings.address() + ": " + e.getMessage());
    }
    return findings;
  }

  private void privileges(VsphereGateway gateway, String where, Moref entity, List<String> needed)
      throws IOException {
    Set<String> missing = gateway.missingPrivileges(entity, needed);
    found(
        missing.isEmpty(),
        "privileges",
        missing.isEmpty()
            ? settings.user() + " has what a backup needs at " + where
            : settings.user()
                + " lacks "
                + String.join(", ", missing)
                + " at "
                + where
                + "; add them to its role there");
  }

  private void protection(Machine machine) {
    Protection protection = new Protection(machine, exclude);
    for (DiskFacts disk : protection.wanted()) {
      if (disk.obstacle().isEmpty()) {
        found(true, "disk " + disk.key(), disk + ", " + disk.sizeBytes() + " bytes");
      }
    }
    protection.obstacles().forEach(text -> found(false, "protection", text));
    protection.remarks(settings.tracking()).forEach(text -> found(true, "remark", text));
    if (settings.quiesce() != VsphereSettings.Quiesce.OFF) {
      boolean required = settings.quiesce() == VsphereSettings.Quiesce.REQUIRED;
      String then =
          required
              ? "; `quiesce: required` refuses its backup"
              : "; its restore points are as after a power failure";
      machine.restless().ifPresent(why -> found(!required, "quiesce", machine + ": " + why + then));
    }
    for (Machine.HeldSnapshot snapshot : machine.snapshots()) {
      if (MarkName.isOurs(SnapshotMark.of(snapshot))) {
        found(
            true,
            "snapshot",
            snapshot.name()
                + " of "
                + snapshot.takenAt()
                + " is ours; it goes when its backup is done, or with the VM's next one");
      }
    }
  }

  private void found(boolean good, String what, String text) {
    findings.add(new SourceFinding(good, what, text));
  }
}
