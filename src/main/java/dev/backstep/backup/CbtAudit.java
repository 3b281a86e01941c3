package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.MappedBytes;
import dev.backstep.blockio.RetoldReader;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.repository.DiskFolder;
import dev.backstep.source.SourceDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads some of what change tracking calls unchanged and compares it with what it was before, in
 * the chain or in a replica: tracking that lies shows as ranges that differ. One that differs from
 * a chain is held against the chain's checksums first: an image that rots is no lie. To be done
 * before the disk is copied; take {@link #next} until it is empty, then {@link #result}. A replica
 * can also be compared whole, behind its copy. For one thread.
 */
public final class CbtAudit implements Closeable {

  /** Ranges that are remembered; how many bytes differ is counted beyond it. */
  private static final int RANGES_MAX = 1000;

  /** Blocks kept in flight. */
  private static final int AHEAD = 8;

  private static final ByteBuffer ZEROS =
      ByteBuffer.allocate(ClusterMap.CLUSTER_BYTES).asReadOnlyBuffer();

  private final AuditPlan plan;
  private final BlockReader disk;
  private final BlockReader before;
  private final Optional<ChainProof> proof;
  private final ReadAhead ahead;
  private final List<ByteRange> differing = new ArrayList<>();
  private long bytesCompared;
  private long comparedUpTo;
  private long bytesDiffering;
  private @Nullable UnreadableBaseException damage;

  /**
   * What an audit found. All in bytes.
   *
   * @param position where the next audit's part begins, cluster aligned
   * @param differing ascending, the first 1000
   * @param bytesDiffering of all ranges, in whole clusters
   */
  public record Result(
      long bytesCompared, long position, List<ByteRange> differing, long bytesDiffering) {

    public Result {
      differing = List.copyOf(differing);
    }

    public boolean trackingLied() {
      return bytesDiffering > 0;
    }

    /**
     * One sentence, with the first ranges.
     *
     * @param before what the disk was compared with
     */
    public String text(String before) {
      List<String> first =
          differing.stream()
              .limit(5)
              .map(range -> "byte " + range.offset() + " +" + range.length())
              .toList();
      return bytesDiffering
          + " of "
          + bytesCompared
          + " bytes that tracking called unchanged differ from "
          + before
          + ": "
          + String.join(", ", first)
          + (differing.size() > first.size() ? " ..." : "");
    }
  }

  private CbtAudit(
      AuditPlan plan, BlockReader disk, BlockReader before, Optional<ChainProof> proof, long from) {
    this.plan = plan;
    this.disk = disk;
    this.before = before;
    this.proof = proof;
    this.ahead =
        new ReadAhead(disk, Optional.of(before), new BlockPlan(plan.clusters(), from), AHEAD);
  }

  /**
   * Chooses what to read and begins.
   *
   * @param plan an incremental by change tracking
   * @param since between the snapshot of the baseline and this one
   * @param seed of the sample
   * @throws UnreadableBaseException when the chain cannot be read
   * @throws IOException when the disk cannot be read
   */
  public static CbtAudit open(
      DiskPlan plan,
      SourceDisk source,
      DiskFolder folder,
      CbtAuditDefinition audit,
      Duration since,
      long seed)
      throws IOException {
    Baseline base = plan.base().orElseThrow();
    Qcow2Reader chain = chain(folder.image(base.image()));
    try {
      ClusterMap unchanged = unchanged(plan, source, chain);
      AuditPlan reads = AuditPlan.of(unchanged, audit, base.auditPosition(), since, seed);
      return new CbtAudit(
          reads,
          source.open(2 * AHEAD),
          new RetoldReader(chain, UnreadableBaseException::new),
          Optional.of(new ChainProof(folder, base.image())),
          0);
    } catch (IOException | RuntimeException e) {
      chain.close();
      throw e;
    }
  }

  private static Qcow2Reader chain(Path image) throws UnreadableBaseException {
    try {
      return Qcow2Reader.open(image, 2 * AHEAD);
    } catch (IOException e) {
      throw new UnreadableBaseException(e);
    }
  }

  /**
   * The same of a replica that its source's changes are about to be written to.
   *
   * @param changed what is going to be written
   * @param position byte at which this audit's part begins, cluster aligned
   */
  public static CbtAudit ofReplica(
      ClusterMap changed,
      SourceDisk source,
      DiskTarget target,
      CbtAuditDefinition audit,
      long position,
      Duration since,
      long seed)
      throws IOException {
    ClusterMap unchanged = held(source, target);
    unchanged.forget(changed);
    return ofReplica(AuditPlan.of(unchanged, audit, position, since, seed), source, target, 0);
  }

  /**
   * Compares all of a disk with its replica.
   *
   * @param from the byte to begin at, cluster aligned
   */
  public static CbtAudit whole(SourceDisk source, DiskTarget target, long from) throws IOException {
    return ofReplica(new AuditPlan(held(source, target), 0), source, target, from);
  }

  private static CbtAudit ofReplica(
      AuditPlan reads, SourceDisk source, DiskTarget target, long from) throws IOException {
    BlockReader replica = RestorePlan.reader(target, 2 * AHEAD);
    try {
      return new CbtAudit(reads, source.open(2 * AHEAD), replica, Optional.empty(), from);
    } catch (IOException | RuntimeException e) {
      replica.close();
      throw e;
    }
  }

  /** Where disk or replica hold data: zeros on both sides cannot differ. */
  private static ClusterMap held(SourceDisk source, DiskTarget target) throws IOException {
    ClusterMap held = new ClusterMap(source.sizeBytes());
    source.allocated((offset, length, kind) -> add(held, offset, length, kind));
    ReplicaTarget.allocated(target, (offset, length, kind) -> add(held, offset, length, kind));
    return held;
  }

  /** Where disk or chain hold data and the plan has nothing: zeros on both sides cannot differ. */
  private static ClusterMap unchanged(DiskPlan plan, SourceDisk source, Qcow2Reader chain)
      throws IOException {
    ClusterMap unchanged = new ClusterMap(plan.clusters().sizeBytes());
    source.allocated((offset, length, kind) -> add(unchanged, offset, length, kind));
    try {
      chain.allocated((offset, length, kind) -> add(unchanged, offset, length, kind));
    } catch (IOException e) {
      throw new UnreadableBaseException(e);
    }
    unchanged.forget(plan.clusters());
    return unchanged;
  }

  private static void add(ClusterMap map, long offset, long length, ExtentKind kind) {
    long inside = Math.min(length, map.sizeBytes() - offset);
    if (kind == ExtentKind.DATA && inside > 0) {
      map.data(new ByteRange(offset, inside));
    }
  }

  /**
   * Compares the next block.
   *
   * @return the bytes compared; empty when all are
   * @throws UnreadableBaseException when the chain of a disk's audit cannot be read
   * @throws IOException when the disk, or the replica, cannot be read
   */
  public Optional<Long> next() throws IOException {
    Optional<Clusters> block = ahead.next();
    if (block.isEmpty()) {
      return Optional.empty();
    }
    try (Clusters clusters = block.get()) {
      comparedUpTo = clusters.span().end();
      return Optional.of(compare(clusters.data().orElseThrow(), clusters.base()));
    }
  }

  /**
   * @param before as far as the chain's disk reaches: one that has grown had zeros behind it
   */
  private long compare(Block now, Optional<Block> before) throws IOException {
    long bytes = 0;
    for (int i = 0; i < now.ranges().size(); i++) {
      long offset = now.ranges().get(i).offset();
      int length = Math.toIntExact(now.ranges().get(i).length());
      ByteBuffer disk = now.bytes(i);
      ByteBuffer stored =
          before.isPresent() && i < before.get().ranges().size()
              ? before.get().bytes(i)
              : ByteBuffer.allocate(0);
      for (int at = 0; at < length; at += ClusterMap.CLUSTER_BYTES) {
        int part = Math.min(length - at, ClusterMap.CLUSTER_BYTES);
        int known = Math.clamp(stored.limit() - at, 0, part);
        boolean same =
            MappedBytes.equal(disk.slice(at, known), stored.slice(known == 0 ? 0 : at, known))
                && MappedBytes.equal(
                    disk.slice(at + known, part - known), ZEROS.slice(0, part - known));
        if (!same && isSound(new ByteRange(offset + at, part))) {
          differs(offset + at, part);
        }
      }
      bytes += length;
    }
    bytesCompared += bytes;
    return bytes;
  }

  /** The byte behind what was compared so far, cluster aligned but for the disk's end. */
  public long comparedUpTo() {
    return comparedUpTo;
  }

  /** Whether what a range was before is what was written then; else it says nothing of tracking. */
  private boolean isSound(ByteRange range) throws IOException {
    Optional<UnreadableBaseException> found =
        proof.isPresent() ? proof.get().damage(range) : Optional.empty();
    if (damage == null) {
      damage = found.orElse(null);
    }
    return found.isEmpty();
  }

  private void differs(long offset, long length) {
    bytesDiffering += length;
    if (!differing.isEmpty() && differing.getLast().end() == offset) {
      ByteRange last = differing.removeLast();
      differing.add(new ByteRange(last.offset(), last.length() + length));
    } else if (differing.size() < RANGES_MAX) {
      differing.add(new ByteRange(offset, length));
    }
  }

  /** What was found so far. */
  public Result result() {
    return new Result(bytesCompared, plan.position(), differing, bytesDiffering);
  }

  /**
   * The first range that differs because an image of the chain does not hold any more what was
   * written to it. Such ranges are not among the {@link Result#differing}.
   */
  public Optional<UnreadableBaseException> damage() {
    return Optional.ofNullable(damage);
  }

  /** Lets all go. */
  @Override
  public void close() throws IOException {
    ahead.close();
    try (disk;
        before) {
      if (proof.isPresent()) {
        proof.get().close();
      }
    }
  }
}
