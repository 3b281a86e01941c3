package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RetentionDefinition;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Plans of retention as JSON, in the form of {@link BackupDocument}. */
public final class PruneDocument {

  private PruneDocument() {}

  public static Map<String, @Nullable Object> fields(PrunePlan plan) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("dropped", plan.dropped().size());
    fields.put("bytes_freed", plan.bytesFreed());
    fields.put("vms", plan.machines().stream().map(PruneDocument::machine).toList());
    return fields;
  }

  /** What there is to merge. */
  public static Map<String, @Nullable Object> fields(MergeWork work) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("going", work.going().stream().map(BackupId::value).toList());
    fields.put("roots", work.roots().stream().map(DiskBackupId::value).toList());
    return fields;
  }

  private static Map<String, @Nullable Object> machine(PrunePlan.Machine machine) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", machine.vmName());
    fields.put("repository", machine.repository());
    fields.put("zone", machine.zone().getId());
    fields.put("retention", retention(machine.retention()));
    fields.put("restore_points", machine.points().stream().map(PruneDocument::point).toList());
    return fields;
  }

  /** As a job definition has it. */
  private static Map<String, @Nullable Object> retention(RetentionDefinition retention) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("last", retention.last());
    fields.put("hourly", retention.hourly());
    fields.put("daily", retention.daily());
    fields.put("weekly", retention.weekly());
    fields.put("monthly", retention.monthly());
    fields.put("yearly", retention.yearly());
    fields.put("min_age_seconds", retention.minAge().toSeconds());
    return fields;
  }

  private static Map<String, @Nullable Object> point(PrunePlan.Point point) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    BackupId id = point.id();
    fields.put("backup_id", id.value());
    fields.put("taken_at", BackupDocument.time(point.takenAt()));
    fields.put("action", point.action().name().toLowerCase(Locale.ROOT));
    fields.put("reasons", point.reasons());
    fields.put("bytes", point.bytes());
    return fields;
  }
}
