package dev.backstep.source.qmp;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.file.EndMark;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A disk before a snapshot: what it will be marked with, and whether its old mark can be trusted.
 *
 * @param untracked why it can have no mark; empty when it can
 * @param since the mark that is asked about, with what is beside it; null when there is none to
 *     trust
 * @param cause why there is none
 */
record TrackedDisk(
    DiskDefinition definition,
    Node node,
    ChangeId mark,
    Optional<String> untracked,
    @Nullable EndMark end,
    @Nullable ChangeId since,
    String cause) {

  /**
   * @param mark the new one
   * @param since the change id that will be asked about
   */
  static TrackedDisk of(
      DiskDefinition definition, Node node, ChangeId mark, Optional<ChangeId> since) {
    Optional<String> untracked = Disks.untracked(definition, node);
    if (untracked.isPresent() || since.isEmpty()) {
      String cause = untracked.orElse("no change id was asked about");
      return new TrackedDisk(definition, node, mark, untracked, null, null, cause);
    }
    Optional<EndMark> end = end(node, since.get());
    Optional<String> lost = lost(node, since.get(), end);
    return lost.isPresent()
        ? new TrackedDisk(definition, node, mark, untracked, null, null, lost.get())
        : new TrackedDisk(definition, node, mark, untracked, end.orElseThrow(), since.get(), "");
  }

  private static Optional<EndMark> end(Node node, ChangeId since) {
    return EndMark.beside(
        since,
        node.bitmaps().stream()
            .filter(bitmap -> !bitmap.recording() && !bitmap.inconsistent())
            .map(Node.Bitmap::name));
  }

  /** Why a bitmap does not tell all that was written; empty when it does. */
  private static Optional<String> lost(Node node, ChangeId since, Optional<EndMark> end) {
    Optional<Node.Bitmap> bitmap = node.bitmap(since.value());
    String what = "bitmap " + since + " of node " + node.name();
    if (bitmap.isEmpty()) {
      return Optional.of(
          what + " is gone; did QEMU crash, or was another image put in this one's place?");
    }
    if (bitmap.get().inconsistent()) {
      return Optional.of(what + " was not closed cleanly; did QEMU or the host crash?");
    }
    if (!bitmap.get().recording()) {
      return Optional.of(what + " was switched off; somebody disabled it");
    }
    if (end.isEmpty()) {
      return Optional.of(what + " is without the one that marks its end");
    }
    return isWhole(node, end.get())
        ? Optional.empty()
        : Optional.of(
            node.file() + " was made smaller since " + since + ", which cuts its bitmaps");
  }

  /** Whether the disk was never smaller than at a mark. */
  static boolean isWhole(Node node, EndMark end) {
    return node.bitmap(end.name()).filter(bitmap -> bitmap.dirtyBytes() > 0).isPresent();
  }

  boolean isTracked() {
    return untracked.isEmpty();
  }

  /** The mark's companion. */
  EndMark newEnd() {
    return EndMark.of(mark, node.sizeBytes());
  }

  Handle.Disk handle() {
    return new Handle.Disk(
        definition.key().value(),
        node.sizeBytes(),
        isTracked() ? mark.value() : null,
        since == null ? null : since.value(),
        end == null ? 0 : end.sizeBytes(),
        node.clusterBytes(),
        node.over().isPresent(),
        !isTracked(),
        cause);
  }
}
