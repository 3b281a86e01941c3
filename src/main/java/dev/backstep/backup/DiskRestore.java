package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.ByteRange;
import dev.backstep.nbd.NbdUri;
import dev.backstep.nbd.NbdWriter;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.WriterState;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Writes one disk of a restore point to one target, in a way that can stop after any item and go on
 * in another process: {@link #next}, {@link #put}, {@link #checkpoint} now and then, {@link
 * #finish}. A file that is made has its name only when it is complete and forced. For one thread.
 */
public final class DiskRestore implements Closeable {

  /** Blocks kept in flight ahead of the output. */
  private static final int AHEAD = 8;

  private static final int BLOCKS = AHEAD + 8;

  /** Blocks an item: 16 MiB at most. */
  private static final int ITEM_BLOCKS = 8;

  private final Request request;
  private final boolean finishedBefore;
  private final Deque<Closeable> opened = new ArrayDeque<>();
  private @Nullable Parts parts;
  private long bytesTotal;
  private long bytesDone;
  private long position;

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

  private record Parts(
      DiskOutput output, Optional<DifferingOutput> differing, BlockPlan items, ReadAhead ahead) {}

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

  private <C extends Closeable> C opened(C one) {
    opened.push(one);
    return one;
  }

  private void begin(Optional<String> state) throws IOException {
    Qcow2Reader chain = opened(Qcow2Reader.open(request.image(), BLOCKS));
    ClusterMap clusters =
        RestorePlan.clusters(chain, request.sizeBytes(), request.target(), request.scope(), held());
    if (request.scope() == RestoreScope.SINCE && state.isEmpty()) {
      RestorePlan.checkHeld(chain, clusters, request.target());
    }
    bytesTotal = clusters.dataBytes();
    position = state.map(this::position).orElse(0L);
    bytesDone = clusters.dataBytesBefore(position);
    DiskOutput output = opened(output(state));
    Optional<BlockReader> there = Optional.empty();
    Optional<DifferingOutput> differing = Optional.empty();
    if (request.scope() == RestoreScope.DIFFERING) {
      there = Optional.of(opened(output.reader(BLOCKS)));
      differing = Optional.of(new DifferingOutput(output));
    }
    ReadAhead ahead = opened(new ReadAhead(chain, there, new BlockPlan(clusters, position), AHEAD));
    parts = new Parts(output, differing, new BlockPlan(clusters, position), ahead);
  }

  private Optional<Qcow2Reader> held() throws IOException {
    return request.held().isEmpty()
        ? Optional.empty()
        : Optional.of(opened(Qcow2Reader.open(request.held().get(), 2)));
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

  private Parts parts() {
    if (parts == null) {
      throw new IllegalStateException(request.target().place() + " is closed or was finished");
    }
    return parts;
  }

  /** How many blocks the next item has; empty when everything was put. */
  public Optional<Integer> next() {
    if (finishedBefore) {
      return Optional.empty();
    }
    int count = 0;
    while (count < ITEM_BLOCKS && !parts().items().next().isEmpty()) {
      count++;
    }
    return count == 0 ? Optional.empty() : Optional.of(count);
  }

  /**
   * Writes the next item.
   *
   * @param count as {@link #next} gave it
   */
  public void put(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      Clusters clusters = parts().ahead().next().orElseThrow();
      ByteRange span = clusters.span();
      bytesDone +=
          clusters.data().map(Block::ranges).orElse(List.of()).stream()
              .mapToLong(ByteRange::length)
              .sum();
      position = span.end();
      Optional<DifferingOutput> differing = parts().differing();
      if (differing.isPresent()) {
        differing.get().put(clusters);
      } else {
        parts().output().put(clusters);
      }
    }
  }

  /** Makes durable what was put, or begins to. Gives the newest state to go on from. */
  public Optional<String> checkpoint() throws IOException {
    return finishedBefore ? Optional.empty() : parts().output().checkpoint(position);
  }

  /** Forces the disk, and gives a file that is made its name. */
  public void finish() throws IOException {
    if (finishedBefore) {
      return;
    }
    parts().output().finish();
    if (request.target().isMade()) {
      DurableFiles.publish(request.target().partial(), Path.of(request.target().place()));
    }
  }

  /** Bytes of the disk to be put. */
  public long bytesTotal() {
    return bytesTotal;
  }

  /** Bytes of the disk put so far, of this try and those before it. */
  public long bytesDone() {
    return bytesDone;
  }

  /** Bytes that this try found different and wrote; all that it put when it compares nothing. */
  public long bytesWritten() {
    return parts == null
        ? 0
        : parts.differing().map(DifferingOutput::bytesPassedOn).orElse(bytesDone);
  }

  /** Lets everything go. What was not finished stays as a partial file. */
  @Override
  public void close() throws IOException {
    IOException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (IOException e) {
        failure = failure == null ? e : failure;
      }
    }
    parts = null;
    if (failure != null) {
      throw failure;
    }
  }
}
