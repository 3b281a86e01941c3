package dev.backstep.backup;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The image that an incremental was to stand on, or one below it, cannot be read, or does not hold
 * any more what was written to it. The disk that is backed up has nothing to do with it: it can be
 * copied whole.
 */
public final class UnreadableBaseException extends IOException {

  private static final long serialVersionUID = 1L;

  private final @Nullable String damaged;

  UnreadableBaseException(IOException cause) {
    super("what the last backup holds cannot be read: " + SourceClusters.text(cause), cause);
    this.damaged = null;
  }

  /**
   * @param where of the disk it was noticed
   * @param damaged the image that does not hold what was written to it, where that is known
   */
  UnreadableBaseException(ByteRange where, Optional<DiskBackupId> damaged, IOException cause) {
    super(
        "byte "
            + where.offset()
            + " +"
            + where.length()
            + " of the disk cannot be compared with what the last backup holds: "
            + SourceClusters.text(cause),
        cause);
    this.damaged = damaged.map(DiskBackupId::value).orElse(null);
  }

  /** The message's first line. */
  public String sentence() {
    return SourceClusters.text(this);
  }

  /** The image whose checksums say that it is damaged; empty where none do. */
  public Optional<DiskBackupId> damaged() {
    return Optional.ofNullable(damaged).map(DiskBackupId::new);
  }
}
