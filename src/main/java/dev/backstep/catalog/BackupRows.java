package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Level;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/** From columns to records. */
final class BackupRows {

  private BackupRows() {}

  static BackupRow backup(ResultSet row, List<BackupDiskRow> disks) throws SQLException {
    return new BackupRow(
        new BackupId(row.getString("id")),
        new VmId(row.getString("vm_id")),
        row.getString("vm_name"),
        new RepositoryId(row.getString("repository_id")),
        row.getString("repository_path"),
        Status.valueOf(row.getString("status")),
        RequestedLevel.valueOf(row.getString("requested_level")),
        row.getString("definition"),
        UtcTime.read(row, "created_at"),
        UtcTime.find(row, "completed_at"),
        number(row, "execution_id"),
        number(row, "lease_token"),
        text(row, "snapshot_handle"),
        UtcTime.find(row, "snapshot_taken_at"),
        UtcTime.find(row, "snapshot_keep_until"),
        row.getInt("snapshot_no"),
        text(row, "error"),
        text(row, "note"),
        launch(row),
        disks);
  }

  private static Launch launch(ResultSet row) throws SQLException {
    return new Launch(
        Origin.valueOf(row.getString("origin")),
        text(row, "requested_by"),
        Mover.valueOf(row.getString("mover")),
        text(row, "source_host"),
        UtcTime.find(row, "scheduled_at"),
        UtcTime.find(row, "start_after"),
        UtcTime.find(row, "stop_at"),
        row.getInt("attempts"),
        text(row, "waiting_for"),
        text(row, "tags").map(tags -> List.of(tags.split("\n"))).orElse(List.of()));
  }

  static DueBackup due(ResultSet row) throws SQLException {
    return new DueBackup(
        new BackupId(row.getString("id")),
        new RepositoryId(row.getString("repository_id")),
        text(row, "source_host"),
        UtcTime.find(row, "stop_at"),
        text(row, "waiting_for"),
        text(row, "busy_with").map(BackupId::new));
  }

  static BackupDiskRow disk(ResultSet row) throws SQLException {
    return new BackupDiskRow(
        new DiskBackupId(row.getString("id")),
        new BackupId(row.getString("backup_id")),
        row.getInt("disk_id"),
        new DiskKey(row.getString("disk_key")),
        Status.valueOf(row.getString("status")),
        text(row, "level").map(word -> Level.valueOf(word.toUpperCase(Locale.ROOT))),
        text(row, "reason").map(Reason::valueOf),
        text(row, "cause").orElse(""),
        text(row, "change_id").map(ChangeId::new),
        text(row, "previous_change_id").map(ChangeId::new),
        text(row, "base_id").map(DiskBackupId::new),
        row.getInt("chain_length"),
        row.getLong("virtual_size"),
        row.getLong("bytes_total"),
        row.getLong("bytes_read"),
        row.getLong("bytes_transferred"),
        row.getLong("bytes_stored"),
        row.getLong("bytes_audited"),
        row.getLong("bytes_differing"),
        text(row, "image"),
        text(row, "checksum_kind"),
        number(row, "lineage_no"),
        row.getBoolean("damaged"),
        UtcTime.find(row, "started_at"),
        UtcTime.find(row, "completed_at"),
        text(row, "error"),
        Ledger.EMPTY);
  }

  private static Optional<String> text(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getString(column));
  }

  private static OptionalLong number(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
