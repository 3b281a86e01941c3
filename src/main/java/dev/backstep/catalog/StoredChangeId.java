package dev.backstep.catalog;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import java.util.Optional;

/**
 * A disk's last change id and the disk backup it belongs to.
 *
 * @param changeId empty when the source tracked nothing then
 */
public record StoredChangeId(Optional<ChangeId> changeId, DiskBackupId diskBackup) {}
