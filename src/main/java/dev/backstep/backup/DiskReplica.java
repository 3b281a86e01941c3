package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.OpenParts;
import dev.backstep.nbd.NbdUri;
import dev.backstep.nbd.NbdWriter;
import dev.backstep.source.SourceDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Brings one replica to the moment of a snapshot by writing in place, in a way that can stop after
 * any item and go on in another process: {@link #next}, {@link #put}, {@link #checkpoint} now and
 * then, {@link #finish}. Between the first put and the finish the target holds no moment at all.
 * For one thread.
 */
public final class DiskReplica implements Closeable {

  private final ReplicaTarget target;

  /** A target may be far slower than a disk, and a stop waits for the end of a chunk. */
  private final Pace pace = new Pace(System.nanoTime());

  private final OpenParts opened = new OpenParts();
  private @Nullable DiskOutput output;
  private @Nullable TargetCopy copy;

  private DiskReplica(ReplicaTarget target) {
    this.target = target;
  }

  /**
   * Begins, or goes on.
   *
   * @param own whether a run has written this target before
   * @param state what {@link #checkpoint} gave last for the same plan and snapshot; empty to begin
   *     anew
   * @throws TargetException when the target cannot take the disk; nothing of it is changed
   * @throws dev.backstep.blockio.DiskInUseException when another program has it open
   * @throws IOException when source or target fails
   */
  public static DiskReplica open(
      ReplicaPlan plan,
      SourceDisk source,
      ReplicaTarget target,
      boolean own,
      Optional<String> state)
      throws IOException {
    DiskReplica replica = new DiskReplica(target);
    try {
      target.prepare(source.sizeBytes(), own);
      replica.begin(plan, source, state);
      return replica;
    } catch (IOException | RuntimeException e) {
      replica.close();
      throw e;
    }
  }

  private void begin(ReplicaPlan plan, SourceDisk source, Optional<String> state)
      throws IOException {
    DiskOutput written = opened.add(output(source.sizeBytes()));
    output = written;
    BlockReader disk = opened.add(source.open(TargetCopy.BLOCKS));
    Optional<BlockReader> there =
        plan.compares()
            ? Optional.of(opened.add(written.reader(TargetCopy.BLOCKS)))
            : Optional.empty();
    long position = state.map(Long::parseLong).orElse(0L);
    DiskOutput filled = plan.compares() ? written : new ThinOutput(written);
    copy = opened.add(new TargetCopy(disk, there, plan.clusters(), position, filled));
  }

  private DiskOutput output(long sizeBytes) throws IOException {
    DiskTarget place = target.target();
    if (place.kind() == DiskTarget.Kind.NBD) {
      return new NbdOutput(NbdWriter.open(NbdUri.parse(place.place())));
    }
    Path path = Path.of(place.place());
    return RawOutput.existing(path, sizeBytes, Files.isRegularFile(path));
  }

  private TargetCopy copy() {
    if (copy == null) {
      throw new IllegalStateException(target.target().place() + " is closed");
    }
    return copy;
  }

  /** How many blocks the next item has; empty when everything was put. */
  public Optional<Integer> next() {
    return copy().next(pace.blocks(System.nanoTime()));
  }

  /**
   * Writes the next item.
   *
   * @param count as {@link #next} gave it
   */
  public void put(int count) throws IOException {
    copy().put(count);
    for (int i = 0; i < count; i++) {
      pace.copied();
    }
  }

  /** Makes durable what was put. Gives the state to go on from. */
  public Optional<String> checkpoint() throws IOException {
    return copy().checkpoint();
  }

  /**
   * Gives the target the disk's size, where it has one of its own, and forces it: it shows the
   * snapshot's moment from here on.
   *
   * @return what it is as it is left
   */
  public ReplicaTarget.Identity finish() throws IOException {
    if (output == null) {
      throw new IllegalStateException(target.target().place() + " is closed");
    }
    output.finish();
    // An export may be its server's only one, and is what it was.
    return target.target().kind() == DiskTarget.Kind.NBD
        ? target.identity()
        : ReplicaTarget.find(target.target().place()).identity();
  }

  /** Bytes to be read. */
  public long bytesTotal() {
    return copy().bytesTotal();
  }

  /** Bytes read and put so far, of this try and those before it. */
  public long bytesDone() {
    return copy().bytesDone();
  }

  /** Bytes that this try found different and wrote; all that was put when it compares nothing. */
  public long bytesWritten() {
    return copy().bytesWritten();
  }

  /** Lets everything go. */
  @Override
  public void close() throws IOException {
    output = null;
    copy = null;
    opened.close();
  }
}
