package dev.backstep.source.vsphere;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A VM made by what a restore point keeps of one that is gone. */
public final class NewMachine {

  /** Under which name restore points keep a VM's configuration. */
  public static final String CONFIGURATION = "vsphere-configuration";

  private final VsphereSettings settings;
  private final VsphereGateway gateway;

  private NewMachine(VsphereSettings settings, VsphereGateway gateway) {
    this.settings = settings;
    this.gateway = gateway;
  }

  /**
   * Makes the VM that a definition names, off, with empty disks and without network adapters.
   *
   * @param configuration as the restore point keeps it
   * @param sizes in bytes, of the disks that it gets
   * @param place path of a cluster, a host or a resource pool that will run it
   * @param datastore where all of it lies; empty to leave each file where it was
   * @return the devices that it has not got, for people
   * @throws SourceException when it is there, or the server refuses to make it; {@code NOT_FOUND}
   *     when the place is not there. Nothing has changed at the vCenter then, unless the connection
   *     broke while the server was making it: it may be there then
   */
  public static List<String> make(
      SourceDefinition definition,
      String configuration,
      Map<DiskKey, Long> sizes,
      String place,
      Optional<String> datastore)
      throws SourceException {
    VsphereSettings settings = VsphereSettings.of(definition);
    try (VsphereGateway gateway = VimClient.open(settings)) {
      return new NewMachine(settings, gateway).make(configuration, sizes, place, datastore);
    } catch (SourceException e) {
      throw e;
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, settings.address() + ": " + e.getMessage(), e);
    }
  }

  private List<String> make(
      String configuration, Map<DiskKey, Long> sizes, String place, Optional<String> datastore)
      throws IOException {
    requireGone();
    String path = path(place);
    int slash = path.lastIndexOf('/');
    if (slash < 1 || slash == path.length() - 1) {
      throw refused(path + " is no path of a VM; expected one like /Datacenter/vm/folder/name");
    }
    Moref folder = folder(path.substring(0, slash));
    Moref pool = pool(place);
    XmlNode kept = XmlNode.parse(configuration.getBytes(StandardCharsets.UTF_8));
    boolean sameUuid = kept.text("uuid").isPresent() && !isUsed(kept.text("uuid").get());
    MachineSpec spec = new MachineSpec(kept, path.substring(slash + 1), datastore, sizes, sameUuid);
    gateway.createMachine(folder, spec, pool);
    return spec.leftOut();
  }

  private boolean isUsed(String uuid) throws IOException {
    return gateway.byUuid(uuid, false).isPresent();
  }

  private void requireGone() throws IOException {
    Machine there;
    try {
      there = new MachineSelection(settings, gateway).find();
    } catch (SourceException e) {
      if (e.kind() == SourceException.Kind.NOT_FOUND) {
        return;
      }
      throw e;
    }
    throw refused(there + " is there; without a place for a new one its disks are written over");
  }

  private SourceException refused(String why) {
    return new SourceException(SourceException.Kind.FAILED, settings.address() + ": " + why);
  }

  /** Where the VM will be in the inventory. */
  private String path(String place) throws SourceException {
    int hosts = place.indexOf("/host/");
    if (hosts <= 0) {
      throw refused(place + " is no place for a VM; expected one like /Datacenter/host/cluster");
    }
    return switch (settings.select()) {
      case "path" -> settings.selected();
      case "name" -> place.substring(0, hosts) + "/vm/" + VimClient.written(settings.selected());
      default ->
          throw refused(
              "a VM that is made is not found by its "
                  + settings.select()
                  + "; name it by `path` or `name` in the definition");
    };
  }

  private Moref folder(String path) throws IOException {
    Moref folder = at(path);
    if (!folder.type().equals("Folder")) {
      throw refused(path + " is no folder of VMs but a " + folder.type());
    }
    return folder;
  }

  /** A cluster or host has a pool of its own, at all times, below this name. */
  private Moref pool(String place) throws IOException {
    Moref found = at(place);
    if (found.type().endsWith("ComputeResource")) {
      found = at(place + "/Resources");
    }
    if (!found.type().equals("ResourcePool")) {
      throw refused(place + " is no cluster, host or resource pool but a " + found.type());
    }
    return found;
  }

  private Moref at(String path) throws IOException {
    return gateway
        .at(path)
        .orElseThrow(() ->
            new SourceException(
                SourceException.Kind.NOT_FOUND,
                settings.address()
                    + ": "
                    + path
                    + " is not there, or "
                    + settings.user()
                    + " may not see it"));
  }
}
