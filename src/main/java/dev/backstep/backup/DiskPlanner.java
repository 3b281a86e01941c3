package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.RepositoryException;
import dev.backstep.source.SourceDisk;
import java.io.IOException;
import java.util.Optional;

/**
 * Decides level and reason of one disk backup, from that disk's own baseline and that disk's own
 * source and nothing else. The checks stand in the order in which they win.
 */
public final class DiskPlanner {

  private final Settings settings;
  private final DiskFolder folder;

  /**
   * What the job definition and the operator say about levels.
   *
   * @param chainLimit most images in a chain, at least 1
   */
  public record Settings(RequestedLevel level, CbtResetPolicy cbtReset, int chainLimit) {}

  public DiskPlanner(Settings settings, DiskFolder folder) {
    this.settings = settings;
    this.folder = folder;
  }

  /**
   * @param baseline the disk's newest completed disk backup in this repository
   * @param vmHasBackups whether any disk of the VM has a completed backup in this repository
   * @throws IOException when not even the allocation of the disk can be read, or its source cannot
   *     be asked: nothing can be backed up
   */
  public DiskPlan plan(SourceDisk disk, Optional<Baseline> baseline, boolean vmHasBackups)
      throws IOException {
    if (settings.level() == RequestedLevel.FULL) {
      return full(disk, baseline, Reason.REQUESTED, "");
    }
    if (baseline.isEmpty()) {
      return full(disk, baseline, vmHasBackups ? Reason.NEW_DISK : Reason.NO_BASELINE, "");
    }
    Optional<DiskPlan> unusable = unusableBase(disk, baseline.get());
    if (unusable.isPresent()) {
      return unusable.get();
    }
    return onBase(disk, baseline.get());
  }

  /**
   * What to do when an audit found that change tracking lied: a full copy.
   *
   * @param cause what it found, one sentence
   * @throws IOException when not even the allocation of the disk can be read
   */
  public DiskPlan trackingLied(SourceDisk disk, Optional<Baseline> baseline, String cause)
      throws IOException {
    ClusterMap clusters =
        disk.allocationIsTracked() ? SourceClusters.whole(disk) : SourceClusters.allocated(disk);
    return full(clusters, baseline, Reason.CBT_AUDIT_FAILED, cause);
  }

  /**
   * What to do when the images of the last backup cannot be relied on where the first look at them
   * saw nothing wrong: a full copy.
   *
   * @param cause which of them, and why, one sentence
   * @throws IOException when not even the allocation of the disk can be read
   */
  public DiskPlan unreadableBase(SourceDisk disk, Optional<Baseline> baseline, String cause)
      throws IOException {
    return full(disk, baseline, Reason.BASE_FAILED_VERIFY, cause);
  }

  private Optional<DiskPlan> unusableBase(SourceDisk disk, Baseline base) throws IOException {
    Optional<Baseline> baseline = Optional.of(base);
    if (base.damaged()) {
      return Optional.of(
          full(disk, baseline, Reason.BASE_FAILED_VERIFY, base.image() + " was found damaged"));
    }
    try {
      folder.chain(base.image());
      Qcow2Reader.open(folder.image(base.image()), 2).close();
    } catch (RepositoryException e) {
      boolean missing = e.kind() == RepositoryException.Kind.MISSING;
      Reason reason = missing ? Reason.BASE_MISSING : Reason.BASE_FAILED_VERIFY;
      return Optional.of(full(disk, baseline, reason, SourceClusters.text(e)));
    } catch (Qcow2FormatException e) {
      return Optional.of(full(disk, baseline, Reason.BASE_FAILED_VERIFY, SourceClusters.text(e)));
    }
    if (base.chainLength() >= settings.chainLimit()) {
      return Optional.of(
          full(
              disk,
              baseline,
              Reason.CHAIN_TOO_LONG,
              "the chain has "
                  + base.chainLength()
                  + " images, the limit is "
                  + settings.chainLimit()));
    }
    return Optional.empty();
  }

  private DiskPlan onBase(SourceDisk disk, Baseline base) throws IOException {
    long size = disk.sizeBytes();
    boolean shrunk = size < base.sizeBytes();
    if (shrunk || (size > base.sizeBytes() && !disk.tracksGrowth())) {
      String cause = "the disk had " + base.sizeBytes() + " bytes and has " + size + " now";
      return notTracked(disk, base, Reason.DISK_RESIZED, cause);
    }
    if (base.changeId().isEmpty()) {
      String cause = disk.untracked().orElse("the source gave no change id at the last backup");
      return notTracked(disk, base, Reason.CBT_UNAVAILABLE, cause);
    }
    return tracked(disk, base, base.changeId().get());
  }

  private DiskPlan tracked(SourceDisk disk, Baseline base, ChangeId since) throws IOException {
    return switch (SourceClusters.since(disk, since)) {
      case SourceClusters.Changed.Known(ClusterMap clusters) ->
          new DiskPlan(Reason.CHANGED_EXTENTS, "", Optional.of(base), base.changeId(), clusters);
      case SourceClusters.Changed.Unknown(Reason reason, String cause) ->
          notTracked(disk, base, reason, cause);
    };
  }

  private DiskPlan notTracked(SourceDisk disk, Baseline base, Reason reason, String cause)
      throws IOException {
    if (settings.cbtReset() == CbtResetPolicy.FULL) {
      return full(disk, Optional.of(base), reason, cause);
    }
    ClusterMap clusters = SourceClusters.allocated(disk);
    ClusterMap stored = new ClusterMap(disk.sizeBytes());
    try (Qcow2Reader chain = Qcow2Reader.open(folder.image(base.image()), 2)) {
      chain.allocated((offset, length, kind) -> {
        long inside = Math.min(length, disk.sizeBytes() - offset);
        if (kind == ExtentKind.DATA && inside > 0) {
          stored.extent(offset, inside, kind);
        }
      });
    } catch (IOException e) {
      return unreadableBase(disk, Optional.of(base), new UnreadableBaseException(e).sentence());
    }
    clusters.dropZerosOutside(stored);
    return new DiskPlan(
        Reason.COMPARED, reason + ": " + cause, Optional.of(base), base.changeId(), clusters);
  }

  private static DiskPlan full(
      SourceDisk disk, Optional<Baseline> baseline, Reason reason, String cause)
      throws IOException {
    return full(SourceClusters.allocated(disk), baseline, reason, cause);
  }

  private static DiskPlan full(
      ClusterMap clusters, Optional<Baseline> baseline, Reason reason, String cause) {
    clusters.dropZeros();
    return new DiskPlan(
        reason, cause, Optional.empty(), baseline.flatMap(Baseline::changeId), clusters);
  }
}
