package dev.backstep.api;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Level;
import dev.backstep.domain.Status;
import dev.backstep.job.DiskProgress;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** What a stream tells of one backup, from look to look. For one thread. */
final class ProgressDocument {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Map<Integer, RateWindow> rates = new HashMap<>();

  /** One line of JSON. */
  String next(BackupRow row, List<DiskProgress> disks, long nowNanos) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", row.id().value());
    fields.put("status", row.status().name());
    fields.put("waiting_for", row.launch().waitingFor().orElse(null));
    fields.put("disks", disks.stream().map(disk -> disk(disk, nowNanos)).toList());
    return line(fields);
  }

  static String line(Object tree) {
    return JSON.writeValueAsString(tree);
  }

  private Map<String, @Nullable Object> disk(DiskProgress disk, long nowNanos) {
    Level level = disk.level();
    Enum<?> reason = disk.reason();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("disk_id", disk.diskId());
    fields.put("disk_key", disk.diskKey());
    fields.put("status", disk.status().name());
    fields.put("level", level == null ? null : level.word());
    fields.put("reason", reason == null ? null : reason.name());
    fields.put("bytes_done", disk.bytesDone());
    fields.put("bytes_total", disk.bytesTotal());
    fields.put("rate", rate(disk, nowNanos));
    return fields;
  }

  private @Nullable Long rate(DiskProgress disk, long nowNanos) {
    return disk.status() == Status.RUNNING
        ? rates
            .computeIfAbsent(disk.diskId(), id -> new RateWindow())
            .add(nowNanos, disk.bytesDone())
        : null;
  }
}
