package dev.backstep.job;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.TaskRow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Restores as JSON, in the form of {@link BackupDocument}. */
public final class RestoreDocument {

  private RestoreDocument() {}

  /**
   * @param supersededBy the newest restore that was begun onto its targets since
   */
  public static Map<String, @Nullable Object> fields(
      TaskRow row, List<RestoredDisk> disks, Optional<String> supersededBy) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>(TaskDocument.fields(row));
    fields.put("backup_id", row.settings());
    fields.put("superseded_by", supersededBy.orElse(null));
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    disks.forEach(disk -> list.add(disk(disk)));
    fields.put("disks", list);
    return fields;
  }

  private static Map<String, @Nullable Object> disk(RestoredDisk disk) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("disk_id", disk.diskId());
    fields.put("disk_key", disk.diskKey().value());
    fields.put("disk_backup_id", disk.diskBackupId().value());
    fields.put("image", disk.image());
    fields.put("file", disk.target());
    fields.put("target_kind", disk.targetKind());
    fields.put("scope", disk.scope().toLowerCase(Locale.ROOT));
    fields.put("virtual_size", disk.virtualSize());
    fields.put("data_bytes", disk.bytesTotal());
    fields.put("bytes_done", disk.bytesDone());
    fields.put("bytes_written", disk.bytesWritten());
    fields.put("chain_length", disk.chainLength());
    fields.put("stock_command", stockCommand(disk));
    return fields;
  }

  /** What does the same without this program: a line for a shell. */
  public static String stockCommand(RestoredDisk disk) {
    DiskTarget.Kind kind = DiskTarget.Kind.valueOf(disk.targetKind().toUpperCase(Locale.ROOT));
    return StockCommand.of(Path.of(disk.image()), new DiskTarget(kind, disk.target()));
  }

  /** The same for a file. */
  public static String stockCommand(Path image, RestoreTarget format, Path file) {
    DiskTarget.Kind kind =
        format == RestoreTarget.RAW ? DiskTarget.Kind.RAW : DiskTarget.Kind.QCOW2;
    return StockCommand.of(image, new DiskTarget(kind, file.toString()));
  }
}
