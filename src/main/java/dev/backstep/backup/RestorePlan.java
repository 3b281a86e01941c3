package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.MappedBytes;
import dev.backstep.blockio.RawFile;
import dev.backstep.blockio.RawFileReader;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.nbd.NbdReader;
import dev.backstep.nbd.NbdUri;
import dev.backstep.qcow2.Qcow2Reader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;

/** Which clusters a restore reads and writes. */
final class RestorePlan {

  /** Ranges of 64 KiB that must agree before a target is taken for what it is said to hold. */
  private static final int SAMPLE = 256;

  private static final int AHEAD = 8;

  private RestorePlan() {}

  /**
   * @param held the state that the target holds, for {@link RestoreScope#SINCE}
   */
  static ClusterMap clusters(
      Qcow2Reader chain,
      long size,
      DiskTarget target,
      RestoreScope scope,
      Optional<Qcow2Reader> held)
      throws IOException {
    ClusterMap clusters = new ClusterMap(size);
    if (size == 0) {
      return clusters;
    }
    if (scope == RestoreScope.SINCE) {
      chain.differences(
          held.orElseThrow(), (offset, length, kind) -> add(clusters, offset, length, kind));
      return clusters;
    }
    if (!target.isMade() && scope == RestoreScope.ALL) {
      clusters.extent(0, size, ExtentKind.ZERO);
    }
    chain.allocated((offset, length, kind) -> data(clusters, offset, length, kind));
    if (scope == RestoreScope.DIFFERING) {
      if (target.kind() == DiskTarget.Kind.NBD) {
        clusters.extent(0, size, ExtentKind.DATA);
      } else {
        RawFile.allocated(
            Path.of(target.place()),
            (offset, length, kind) -> data(clusters, offset, length, kind));
      }
    }
    return clusters;
  }

  private static void data(ClusterMap clusters, long offset, long length, ExtentKind kind) {
    if (kind == ExtentKind.DATA) {
      add(clusters, offset, length, kind);
    }
  }

  private static void add(ClusterMap clusters, long offset, long length, ExtentKind kind) {
    long inside = Math.min(length, clusters.sizeBytes() - offset);
    if (inside > 0) {
      clusters.extent(offset, inside, kind);
    }
  }

  static BlockReader reader(DiskTarget target, int blocks) throws IOException {
    return target.kind() == DiskTarget.Kind.NBD
        ? NbdReader.open(NbdUri.parse(target.place()), 1, blocks)
        : RawFileReader.open(Path.of(target.place()), blocks);
  }

  /**
   * Reads a sample of what is not going to be written.
   *
   * @throws TargetException when it is not what both restore points have there
   */
  static void checkHeld(Qcow2Reader chain, ClusterMap written, DiskTarget target)
      throws IOException {
    ClusterMap same = new ClusterMap(written.sizeBytes());
    if (same.sizeBytes() == 0) {
      return;
    }
    same.data(new ByteRange(0, same.sizeBytes()));
    same.forget(written);
    ClusterMap sample =
        AuditPlan.of(
                same,
                new CbtAuditDefinition(SAMPLE, Duration.ZERO),
                0,
                Duration.ZERO,
                new SplittableRandom().nextLong())
            .clusters();
    try (BlockReader there = reader(target, 2 * AHEAD);
        ReadAhead ahead =
            new ReadAhead(chain, Optional.of(there), new BlockPlan(sample, 0), AHEAD)) {
      Optional<Clusters> next = ahead.next();
      while (next.isPresent()) {
        try (Clusters clusters = next.get()) {
          compare(clusters.data().orElseThrow(), clusters.base(), target);
        }
        next = ahead.next();
      }
    }
  }

  private static void compare(Block wanted, Optional<Block> there, DiskTarget target)
      throws TargetException {
    for (int i = 0; i < wanted.ranges().size(); i++) {
      boolean same =
          there.isPresent()
              && i < there.get().ranges().size()
              && MappedBytes.equal(wanted.bytes(i), there.get().bytes(i));
      if (!same) {
        throw new TargetException(
            target.place()
                + " does not hold the restore point that it is said to hold: it differs at or"
                + " behind byte "
                + wanted.ranges().get(i).offset()
                + "; restore without that promise");
      }
    }
  }
}
