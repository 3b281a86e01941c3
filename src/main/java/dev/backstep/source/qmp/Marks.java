package dev.backstep.source.qmp;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.MarkName;
import dev.backstep.source.SourceException;
import dev.backstep.source.file.EndMark;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Removes marks of ours: persistent bitmaps, each with the one that shows its end. */
final class Marks {

  private Marks() {}

  static void remove(Qemu qemu, String node, ChangeId mark) throws SourceException {
    for (Node one : qemu.nodes()) {
      for (Node.Bitmap bitmap : one.bitmaps()) {
        if (one.name().equals(node) && EndMark.markOf(bitmap.name()).equals(mark)) {
          remove(qemu, one, bitmap);
        }
      }
    }
  }

  private static void remove(Qemu qemu, Node node, Node.Bitmap bitmap) throws SourceException {
    qemu.run("block-dirty-bitmap-remove", "node", node.name(), "name", bitmap.name());
  }

  /**
   * Removes those of a repository that no disk needs.
   *
   * @param disks disks that are looked at; those that {@code keep} does not name are left alone, as
   *     are those that are not there
   */
  static void release(
      Qemu qemu,
      List<DiskDefinition> disks,
      RepositoryId repository,
      Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException {
    Disks found = Disks.of(qemu);
    for (DiskDefinition disk : disks) {
      Set<ChangeId> needed = keep.get(disk.key());
      if (needed != null) {
        release(qemu, found, disk, repository, needed);
      }
    }
  }

  private static void release(
      Qemu qemu, Disks found, DiskDefinition disk, RepositoryId repository, Set<ChangeId> needed)
      throws SourceException {
    Node node;
    try {
      node = found.node(disk);
    } catch (SourceException e) {
      if (e.kind() == SourceException.Kind.NOT_FOUND) {
        return;
      }
      throw e;
    }
    for (Node.Bitmap bitmap : node.bitmaps()) {
      boolean ours = MarkName.belongsTo(repository, bitmap.name());
      if (ours && !needed.contains(EndMark.markOf(bitmap.name()))) {
        remove(qemu, node, bitmap);
      }
    }
  }
}
