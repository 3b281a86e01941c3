package dev.backstep.job;

import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.Status;
import org.jspecify.annotations.Nullable;

/**
 * Where one disk of a running backup stands.
 *
 * @param diskKey the source's name of the disk
 * @param level null until it is planned, as is the reason
 * @param bytesDone bytes of the planned extents behind us, those skipped as zero included
 * @param bytesTotal bytes of the planned extents; 0 until planned, and when nothing changed
 */
public record DiskProgress(
    int diskId,
    String diskKey,
    Status status,
    @Nullable Level level,
    @Nullable Reason reason,
    long bytesDone,
    long bytesTotal) {}
