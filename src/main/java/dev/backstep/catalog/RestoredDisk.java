package dev.backstep.catalog;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import java.util.Optional;

/**
 * A disk of a restore as the catalog knows it. Sizes in bytes.
 *
 * @param diskBackupId what is restored
 * @param image its file, absolute
 * @param held the disk backup that the target is said to hold, and its file
 * @param targetKind what the target is, as the restore calls it
 * @param target a path or a URI
 * @param scope which bytes are written, as the restore calls it
 * @param begun whether an earlier try may have left something
 * @param bytesDone of the disk, of {@code bytesTotal}
 * @param bytesWritten to the target; less where it held the rest already
 */
public record RestoredDisk(
    int diskId,
    DiskKey diskKey,
    DiskBackupId diskBackupId,
    String image,
    Optional<DiskBackupId> held,
    Optional<String> heldImage,
    long virtualSize,
    int chainLength,
    String targetKind,
    String target,
    String scope,
    boolean begun,
    long bytesTotal,
    long bytesDone,
    long bytesWritten) {}
