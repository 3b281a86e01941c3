package dev.backstep.source;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.RetoldReader;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdException;
import dev.backstep.nbd.NbdExtents;
import dev.backstep.nbd.NbdReader;
import dev.backstep.nbd.NbdUri;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A disk of a running VM, which its QEMU exports as it was at one instant.
 *
 * @param changeId the mark of that instant
 * @param connections how many a reader may open
 * @param trouble why the snapshot was given up, once it was
 */
public record ExportedDisk(
    DiskKey key,
    NbdUri uri,
    long sizeBytes,
    Optional<ChangeId> changeId,
    Tracking tracking,
    int connections,
    Supplier<Optional<String>> trouble)
    implements SourceDisk {

  /** The export is gone, as when the VM ended: that says nothing about what changed. */
  private static final Set<NbdException.Kind> AWAY =
      Set.of(NbdException.Kind.UNREACHABLE, NbdException.Kind.LOST);

  /** What the export tells of changes. */
  public sealed interface Tracking {

    /**
     * It has a bitmap.
     *
     * @param since the change id that the bitmap begins at
     * @param bitmap its name
     * @param unmarked reports what may have changed without being marked in it, as when the disk
     *     was resized
     */
    record Since(ChangeId since, String bitmap, Consumer<ExtentVisitor> unmarked)
        implements Tracking {}

    /** It has none; the answer says why. */
    record None(ChangedAnswer answer) implements Tracking {}
  }

  /**
   * Looks at an export.
   *
   * @return its size in bytes
   */
  public static long size(NbdUri uri) throws IOException {
    try (NbdConnection connection = connect(uri, List.of())) {
      return connection.export().sizeBytes();
    }
  }

  private static NbdConnection connect(NbdUri uri, List<String> contexts) throws IOException {
    return NbdConnection.open(uri, contexts, NbdConnection.STALL_DEFAULT);
  }

  @Override
  public Optional<String> untracked() {
    return tracking instanceof Tracking.None(ChangedAnswer.Unavailable(String cause))
        ? Optional.of(cause)
        : Optional.empty();
  }

  /** QEMU extends its bitmaps with the disk. */
  @Override
  public boolean tracksGrowth() {
    return true;
  }

  @Override
  public void allocated(ExtentVisitor visitor) throws IOException {
    try (NbdConnection connection = connect(uri, List.of(NbdExtents.ALLOCATION))) {
      NbdExtents.allocated(connection, visitor);
    }
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException {
    return switch (tracking) {
      case Tracking.None(ChangedAnswer answer) -> answer;
      case Tracking.Since known when !known.since().equals(since) ->
          new ChangedAnswer.Reset(
              "the snapshot shows what changed since " + known.since() + ", not since " + since);
      case Tracking.Since known -> changed(known, visitor);
    };
  }

  private ChangedAnswer changed(Tracking.Since known, ExtentVisitor visitor) throws IOException {
    String context = NbdExtents.DIRTY_BITMAP + known.bitmap();
    try (NbdConnection connection = connect(uri, List.of(context, NbdExtents.ALLOCATION))) {
      if (!connection.export().grants(context)) {
        return new ChangedAnswer.Reset("QEMU does not show what changed since " + known.since());
      }
      NbdExtents.dirty(connection, known.bitmap(), visitor);
      known.unmarked().accept(visitor);
      return new ChangedAnswer.Known();
    } catch (NbdException e) {
      boolean away = AWAY.contains(e.kind());
      throw away
          ? new SourceException(
              SourceException.Kind.UNREACHABLE, "disk " + key + ": " + e.getMessage(), e)
          : e;
    }
  }

  @Override
  public BlockReader open(int blocksInFlight) throws IOException {
    try {
      return new RetoldReader(NbdReader.open(uri, connections, blocksInFlight), this::told);
    } catch (IOException e) {
      throw told(e);
    }
  }

  /** The failure, or why the snapshot was given up meanwhile, which led to it. */
  private IOException told(IOException failure) {
    Optional<String> known = trouble.get();
    return known.isEmpty()
        ? failure
        : new SourceException(
            SourceException.Kind.FAILED, "the snapshot was given up: " + known.get(), failure);
  }
}
