package dev.backstep.source.qmp;

import static dev.backstep.source.qmp.Qemu.object;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.nbd.NbdUri;
import dev.backstep.nbd.NbdWriter;
import dev.backstep.source.ExportedDisk;
import dev.backstep.source.MarkName;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.file.EndMark;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Begins a snapshot of a running QEMU: one transaction for all disks makes the new marks, freezes
 * what the old ones tell, and starts jobs that put aside what the guest overwrites. Everything else
 * is made ready before it or shown after it.
 */
final class Begin {

  /** Bytes of disk that one bit of a bitmap stands for: one cluster of ours. */
  private static final int GRANULARITY = 65_536;

  private static final int SECTOR_BYTES = 512;

  /** QEMU's names leave room for three digits. */
  private static final int DISKS_MAX = 1000;

  /** The bitmap of an empty disk whose end is marked. */
  private static final String END = "end";

  private final Qemu qemu;
  private final OwnWork work;
  private final OwnWork.Names names;
  private final List<TrackedDisk> disks = new ArrayList<>();

  Begin(Qemu qemu, OwnWork work, QmpSettings settings, SnapshotRequest request)
      throws SourceException {
    this.qemu = qemu;
    this.work = work;
    this.names = work.next();
    settings.scratch().require();
    Disks found = Disks.of(qemu);
    for (DiskDefinition disk : settings.disks()) {
      if (!request.exclude().contains(disk.key())) {
        disks.add(
            TrackedDisk.of(
                disk,
                found.node(disk),
                MarkName.next(request.repository(), request.backup()),
                Optional.ofNullable(request.since().get(disk.key()))));
      }
    }
    if (disks.isEmpty() || disks.size() > DISKS_MAX) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          disks.size() + " disks to back up; expected 1 to " + DISKS_MAX);
    }
  }

  /** Begins it. Nothing is left behind when this throws. */
  Handle begin() throws SourceException {
    boolean marked = false;
    try {
      for (int disk = 0; disk < disks.size(); disk++) {
        prepare(disk);
      }
      startServer();
      for (int disk = 0; disk < disks.size(); disk++) {
        if (disks.get(disk).isTracked()) {
          markEnd(disk);
        }
      }
      qemu.run("transaction", "actions", actions());
      Instant takenAt = Instant.now();
      marked = true;
      show();
      return new Handle(
          names.id(),
          names.socket().toString(),
          takenAt.toString(),
          disks.stream().map(TrackedDisk::handle).toList());
    } catch (SourceException | RuntimeException e) {
      undo(marked, e);
      throw e;
    }
  }

  /** A qcow2 over the disk, which takes what the guest overwrites; QEMU makes and owns its file. */
  private void prepare(int disk) throws SourceException {
    Node node = disks.get(disk).node();
    String file = names.scratch(disk).toString();
    String fileNode = names.fileNode(disk);
    qemu.create(names.of(disk), object("driver", "file", "filename", file, "size", 0));
    qemu.run("blockdev-add", "driver", "file", "node-name", fileNode, "filename", file);
    qemu.create(
        names.of(disk), object("driver", "qcow2", "file", fileNode, "size", node.sizeBytes()));
    qemu.run(
        "blockdev-add",
        "driver",
        "qcow2",
        "node-name",
        names.of(disk),
        "file",
        fileNode,
        "backing",
        node.name());
  }

  private void startServer() throws SourceException {
    try {
      qemu.run(
          "nbd-server-start",
          "addr",
          object("type", "unix", "data", object("path", names.socket().toString())));
    } catch (QmpException e) {
      if (String.valueOf(e.getMessage()).contains("already running")) {
        throw new SourceException(
            SourceException.Kind.LOCKED,
            "QEMU's NBD server is in use by another program, and it has only one; try again when"
                + " that is done",
            e);
      }
      throw e;
    }
  }

  /** Only writing marks anything: an empty disk is written at its end. */
  private void markEnd(int disk) throws SourceException {
    String empty = names.endNode(disk);
    long size = disks.get(disk).node().sizeBytes();
    qemu.run("blockdev-add", "driver", "null-co", "node-name", empty, "size", size);
    qemu.run("block-dirty-bitmap-add", "node", empty, "name", END, "granularity", GRANULARITY);
    export(empty, true, List.of());
    try (NbdWriter writer = NbdWriter.open(NbdUri.unix(names.socket(), empty))) {
      NbdWriter.await(writer.write(size - SECTOR_BYTES, ByteBuffer.allocateDirect(SECTOR_BYTES)));
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "disk " + disks.get(disk).definition().key() + ": its end cannot be marked: " + e,
          e);
    }
    qemu.run("block-export-del", "id", empty, "mode", "hard");
    qemu.await("the end to be marked", () -> !qemu.exports().contains(empty));
  }

  private void export(String node, boolean writable, List<String> bitmaps) throws SourceException {
    qemu.run(
        "block-export-add",
        "type",
        "nbd",
        "id",
        node,
        "node-name",
        node,
        "name",
        node,
        "writable",
        writable,
        "bitmaps",
        bitmaps);
  }

  private List<Map<String, Object>> actions() {
    List<Map<String, Object>> actions = new ArrayList<>();
    for (int number = 0; number < disks.size(); number++) {
      TrackedDisk disk = disks.get(number);
      String node = disk.node().name();
      String own = names.of(number);
      actions.add(
          action("blockdev-backup", "job-id", own, "device", node, "target", own, "sync", "none"));
      if (disk.isTracked()) {
        String end = disk.newEnd().name();
        actions.add(newBitmap(node, disk.mark().value(), true, false));
        actions.add(newBitmap(node, end, true, true));
        actions.add(merge(node, end, object("node", names.endNode(number), "name", END)));
      }
      ChangeId since = disk.since();
      if (since != null) {
        actions.add(newBitmap(node, own, false, true));
        actions.add(merge(node, own, since.value()));
      }
    }
    return actions;
  }

  private static Map<String, Object> action(String type, Object... data) {
    return object("type", type, "data", object(data));
  }

  private static Map<String, Object> newBitmap(
      String node, String name, boolean persistent, boolean disabled) {
    return action(
        "block-dirty-bitmap-add",
        "node",
        node,
        "name",
        name,
        "granularity",
        GRANULARITY,
        "persistent",
        persistent,
        "disabled",
        disabled);
  }

  private static Map<String, Object> merge(String node, String target, Object bitmap) {
    return action(
        "block-dirty-bitmap-merge", "node", node, "target", target, "bitmaps", List.of(bitmap));
  }

  /** From here on the jobs keep the disks from being resized. */
  private void show() throws SourceException {
    Disks now = Disks.of(qemu);
    for (int number = 0; number < disks.size(); number++) {
      TrackedDisk disk = disks.get(number);
      export(names.of(number), false, disk.since() == null ? List.of() : List.of(names.of(number)));
      if (disk.isTracked()) {
        qemu.run("blockdev-del", "node-name", names.endNode(number));
      }
      requireSame(disk, number, now);
    }
  }

  private void requireSame(TrackedDisk disk, int number, Disks now) throws SourceException {
    long size;
    try {
      size = ExportedDisk.size(names.uri(number));
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "disk " + disk.definition().key() + ": " + e.getMessage(),
          e);
    }
    EndMark end = disk.end();
    boolean whole = true;
    for (Node node : now.nodes()) {
      if (end != null && node.name().equals(disk.node().name())) {
        whole = TrackedDisk.isWhole(node, end);
      }
    }
    if (size != disk.node().sizeBytes() || !whole) {
      throw new SourceException(
          SourceException.Kind.LOCKED,
          "disk " + disk.definition().key() + " was resized while the snapshot began; try again");
    }
  }

  private void undo(boolean marked, Exception cause) {
    try {
      work.clear(qemu);
      for (TrackedDisk disk : disks) {
        if (marked && disk.isTracked()) {
          Marks.remove(qemu, disk.node().name(), disk.mark());
        }
      }
    } catch (SourceException left) {
      cause.addSuppressed(left);
    }
  }
}
