package dev.backstep.backup;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.blockio.OpenParts;
import dev.backstep.nbd.NbdUri;
import dev.backstep.nbd.NbdWriter;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.WriterState;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes one disk of a restore point to one target, in a way that can stop after any item and go on
 * in another process: {@link #next}, {@link #put}, {@link #checkpoint} now and then, {@link
 * #finish}. A file that is made has its name only when it is complete and forced. For one thread.
 */
public final class DiskRestore implements Closeable {

  private final Request request;
  private final boolean finishedBefore;
  private final OpenParts opened = new OpenParts();
  private @Nullable DiskOutput output;
  private @Nullable TargetCopy copy;

  /**
   * What is restored to where.
   *
   * @param image the disk's image in the restore point
   * @param sizeBytes the disk's exact size
   * @param scope which of its bytes are written
   * @param held the image of the state that the target is said to hold; for {@link
   *     RestoreScope#SINCE} only
   */
  public record Request(
      Path image, long sizeBytes, DiskTarget target, RestoreScope scope, Optional<Path> held) {

    public Request {
      if (held.isPresent() != (scope == RestoreScope.SINCE)
          || (scope != RestoreScope.ALL && target.isMade())) {
        throw new IllegalArgumentException(scope + " onto " + target + ", held " + held);
      }
    }
  }

  private DiskRestore(Request request, boolean finishedBefore) {
    this.request = request;
    this.finishedBefore = finishedBefore;
  }

  /**
   * Begins, or goes on.
   *
   * @param state what {@link #checkpoint} gave last; empty to begin anew
   * @param begun whether an earlier try has begun: a made file that is there is then its result
   * @throws TargetException when the target cannot take the disk; nothing of it is changed
   * @throws IOException when the chain or the target fails
   */
  public static DiskRestore open(Request request, Optional<String> state, boolean begun)
      throws IOException {
    DiskTarget target = request.target();
    boolean partial = target.isMade() && Files.exists(target.partial());
    if (begun && target.isMade() && !partial && Files.exists(Path.of(target.place()))) {
      return new DiskRestore(request, true);
    }
    TargetCheck.check(target, request.sizeBytes());
    DiskRestore restore = new DiskRestore(request, false);
    try {
      restore.begin(target.isMade() && !partial ? Optional.empty() : state);
      return restore;
    } catch (IOException | RuntimeException e) {
      restore.close();
      throw e;
    }
  }

  /** Whether all that the restore point holds of the disk is read, and not only what differs. */
  public boolean isOfAll() {
    return request.scope() != RestoreScope.SINCE;
  }

  private void begin(Optional<String> state) throws IOException {
    Qcow2Reader chain = opened.add(Qcow2Reader.open(request.image(), TargetCopy.BLOCKS));
    ClusterMap clusters =
        RestorePlan.clusters(chain, request.sizeBytes(), request.target(), request.scope(), held());
    if (request.scope() == RestoreScope.SINCE && state.isEmpty()) {
      RestorePlan.checkHeld(chain, clusters, request.target());
    }
    DiskOutput target = opened.add(output(state));
    output = target;
    Optional<BlockReader> there =
        request.scope() == RestoreScope.DIFFERING
            ? Optional.of(opened.add(target.reader(TargetCopy.BLOCKS)))
            : Optional.empty();
    long position = state.map(this::position).orElse(0L);
    copy = opened.add(new TargetCopy(chain, there, clusters, position, target));
  }

  private Optional<Qcow2Reader> held() throws IOException {
    return request.held().isEmpty()
        ? Optional.empty()
        : Optional.of(opened.add(Qcow2Reader.open(request.held().get(), 2)));
  }

  private long position(String state) {
    return request.target().kind() == DiskTarget.Kind.QCOW2
        ? WriterState.parse(state).guestOffset()
        : Long.parseLong(state);
  }

  private DiskOutput output(Optional<String> state) throws IOException {
    DiskTarget target = request.target();
    long size = request.sizeBytes();
    return switch (target.kind()) {
      case RAW -> RawOutput.made(target.partial(), size, state.isPresent());
      case QCOW2 -> Qcow2Output.open(target.partial(), size, state);
      case EXISTING ->
          RawOutput.existing(
              Path.of(target.place()), size, Files.isRegularFile(Path.of(target.place())));
      case NBD -> new NbdOutput(NbdWriter.open(NbdUri.parse(target.place())));
    };
  }

  private TargetCopy copy() {
    if (copy == null) {
      throw new IllegalStateException(request.target().place() + " is closed or was finished");
    }
    return copy;
  }

  /** How many blocks the next item has; empty when everything was put. */
  public Optional<Integer> next() {
    return finishedBefore ? Optional.empty() : copy().next(TargetCopy.ITEM_BLOCKS);
  }

  /**
   * Writes the next item.
   *
   * @param count as {@link #next} gave it
   */
  public void put(int count) throws IOException {
    copy().put(count);
  }

  /** Makes durable what was put, or begins to. Gives the newest state to go on from. */
  public Optional<String> checkpoint() throws IOException {
    return finishedBefore ? Optional.empty() : copy().checkpoint();
  }

  /** Forces the disk, and gives a file that is made its name. */
  public void finish() throws IOException {
    if (finishedBefore) {
      DurableFiles.keepName(Path.of(request.target().place()));
      return;
    }
    Objects.requireNonNull(output).finish();
    if (request.target().isMade()) {
      DurableFiles.publish(request.target().partial(), Path.of(request.target().place()));
    }
  }

  /** Bytes of the disk to be put. */
  public long bytesTotal() {
    return copy == null ? 0 : copy.bytesTotal();
  }

  /** Bytes of the disk put so far, of this try and those before it. */
  public long bytesDone() {
    return copy == null ? 0 : copy.bytesDone();
  }

  /** Bytes that this try found different and wrote; all that it put when it compares nothing. */
  public long bytesWritten() {
    return copy == null ? 0 : copy.bytesWritten();
  }

  /** Lets everything go. What was not finished stays as a partial file. */
  @Override
  public void close() throws IOException {
    output = null;
    copy = null;
    opened.close();
  }
}
