package dev.backstep.source.qmp;

import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Finds the nodes of QEMU that a definition's disks are, as they are now. */
record Disks(List<Node> nodes, List<Qemu.Device> devices) {

  private static final String DEVICE = "device:";

  static Disks of(Qemu qemu) throws SourceException {
    return new Disks(qemu.nodes(), qemu.devices());
  }

  /**
   * @throws SourceException when there is none, or one that would not show the guest's disk
   */
  Node node(DiskDefinition disk) throws SourceException {
    String name = disk.location().substring(disk.location().indexOf(':') + 1);
    Node node = disk.location().startsWith(DEVICE) ? ofDevice(disk, name) : named(disk, name);
    if (node.isOfJob()) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          "disk "
              + disk.key()
              + ": a job of another program works on it ("
              + node.driver()
              + "); try again when that ends");
    }
    requirePath(disk, node);
    return node;
  }

  private Node ofDevice(DiskDefinition disk, String name) throws SourceException {
    Optional<Qemu.Device> device = devices.stream().filter(one -> one.isCalled(name)).findFirst();
    if (device.isEmpty()) {
      String known = devices.stream().map(one -> one.path()).collect(Collectors.joining(", "));
      throw missing(disk, "device '" + name + "'; it has: " + known);
    }
    String top = device.get().node();
    Optional<Node> node = nodes.stream().filter(one -> one.name().equals(top)).findFirst();
    return node.orElseThrow(() -> missing(disk, "medium in device '" + name + "'"));
  }

  private Node named(DiskDefinition disk, String name) throws SourceException {
    Optional<Node> found = nodes.stream().filter(one -> one.name().equals(name)).findFirst();
    if (found.isEmpty()) {
      String known =
          nodes.stream()
              .map(Node::name)
              .filter(one -> !one.startsWith("#") && !OwnWork.isOurs(one))
              .collect(Collectors.joining(", "));
      throw missing(disk, "node '" + name + "'; it has: " + known);
    }
    for (Node other : nodes) {
      boolean below =
          other.isOverlay()
              && !OwnWork.isOurs(other.name())
              && other.over().equals(Optional.of(found.get().file()));
      if (below) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "disk "
                + disk.key()
                + ": node '"
                + name
                + "' is the backing image of "
                + other.file()
                + ", as after a snapshot, and does not show the guest's disk; name the 'device',"
                + " which is looked up each time, or node '"
                + other.name()
                + "'");
      }
    }
    return found.get();
  }

  private static SourceException missing(DiskDefinition disk, String what) {
    return new SourceException(
        SourceException.Kind.NOT_FOUND, "disk " + disk.key() + ": QEMU has no " + what);
  }

  /** A wrong path would back up another disk under this key as soon as the VM is off. */
  private static void requirePath(DiskDefinition disk, Node node) throws SourceException {
    Optional<String> path = QmpSettings.path(disk);
    if (path.isEmpty() || !node.file().startsWith("/")) {
      return;
    }
    try {
      if (!Files.isSameFile(Path.of(path.get()), Path.of(node.file()))) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "disk "
                + disk.key()
                + ": 'path' is "
                + path.get()
                + ", but QEMU has "
                + node.file()
                + " open; correct the definition");
      }
    } catch (SourceException e) {
      throw e;
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, "disk " + disk.key() + ": 'path': " + e, e);
    }
  }

  /** Why a node can have no bitmap, with what would change that; empty when it can. */
  static Optional<String> untracked(DiskDefinition disk, Node node) {
    if (!node.driver().equals("qcow2")) {
      return Optional.of(
          disk.key()
              + " is "
              + node.driver()
              + ", which tracks no changes; `qemu-img convert -O qcow2` makes a disk that does");
    }
    if (node.version2()) {
      return Optional.of(
          disk.key()
              + " is a version 2 image without bitmaps; with the VM off, `qemu-img amend -o"
              + " compat=1.1 "
              + node.file()
              + "` enables tracking");
    }
    if (node.readOnly() || node.sizeBytes() == 0) {
      return Optional.of(disk.key() + " is read-only or has no bytes, so it tracks no changes");
    }
    return Optional.empty();
  }
}
