package dev.backstep.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.Reason;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.List;

/** What a source tells of one disk, in clusters. */
final class SourceClusters {

  private SourceClusters() {}

  /** An answer to "what changed?". */
  sealed interface Changed {

    /** These clusters changed, and no other. */
    record Known(ClusterMap clusters) implements Changed {}

    /**
     * Nothing is known.
     *
     * @param cause one sentence
     */
    record Unknown(Reason reason, String cause) implements Changed {}
  }

  /**
   * Asks what changed since a change id; a source that fails to answer is an answer, too.
   *
   * @throws SourceException when nobody could be asked, which says nothing about the disk
   */
  static Changed since(SourceDisk disk, ChangeId since) throws SourceException {
    ClusterMap clusters = new ClusterMap(disk.sizeBytes());
    ChangedAnswer answer;
    try {
      answer = disk.changed(since, clusters);
    } catch (IOException | IllegalArgumentException e) {
      if (e instanceof SourceException source
          && source.kind() == SourceException.Kind.UNREACHABLE) {
        throw source;
      }
      return new Changed.Unknown(Reason.CBT_QUERY_FAILED, text(e));
    }
    return switch (answer) {
      case ChangedAnswer.Known() -> new Changed.Known(clusters);
      case ChangedAnswer.Reset(String cause) -> new Changed.Unknown(Reason.CBT_RESET, cause);
      case ChangedAnswer.Unavailable(String cause) ->
          new Changed.Unknown(Reason.CBT_UNAVAILABLE, cause);
    };
  }

  /** Every cluster of the disk: what is not reported reads as zeros. */
  static ClusterMap allocated(SourceDisk disk) throws IOException {
    ClusterMap clusters = new ClusterMap(disk.sizeBytes());
    if (disk.sizeBytes() > 0) {
      clusters.extent(0, disk.sizeBytes(), ExtentKind.ZERO);
    }
    disk.allocated((offset, length, kind) -> {
      if (kind == ExtentKind.DATA) {
        clusters.extent(offset, length, kind);
      }
    });
    return clusters;
  }

  /** Every cluster of the disk as data, whatever its source says of it. */
  static ClusterMap whole(SourceDisk disk) {
    ClusterMap clusters = new ClusterMap(disk.sizeBytes());
    if (disk.sizeBytes() > 0) {
      clusters.extent(0, disk.sizeBytes(), ExtentKind.DATA);
    }
    return clusters;
  }

  /** The first line of an exception's message. */
  static String text(Exception e) {
    return List.of(String.valueOf(e.getMessage()).split("\n")).getFirst();
  }
}
