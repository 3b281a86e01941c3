package dev.backstep.api;

import dev.backstep.catalog.FireRow;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.job.BackupDocument;
import dev.backstep.schedule.MissedFire;
import dev.backstep.schedule.Schedule;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Schedules as JSON; fields are named as in job definitions, with {@code _} for {@code -}. */
final class ScheduleDocument {

  private ScheduleDocument() {}

  static Map<String, @Nullable Object> fields(Schedule schedule) {
    ScheduleDefinition definition = schedule.definition();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", schedule.vmName());
    fields.put("cron", definition.cron());
    fields.put("zone", definition.zone().getId());
    fields.put("jitter_seconds", definition.jitter().toSeconds());
    fields.put("misfire", definition.misfire().name().toLowerCase(Locale.ROOT).replace('_', '-'));
    fields.put(
        "window",
        definition.window().map(window -> window.from() + "-" + window.to()).orElse(null));
    fields.put(
        "black_out",
        definition.blackOuts().stream().map(days -> days.first() + ".." + days.last()).toList());
    fields.put("retries", definition.retries());
    fields.put("retry_pause_seconds", definition.retryPause().toSeconds());
    fields.put("file", schedule.file().toString());
    fields.put("paused", schedule.paused());
    fields.put("next_fires", schedule.nextFires().stream().map(BackupDocument::time).toList());
    fields.put("last_fire", schedule.lastFire().map(ScheduleDocument::fire).orElse(null));
    fields.put(
        "next_verification", schedule.nextVerification().map(BackupDocument::time).orElse(null));
    fields.put(
        "next_restore_test", schedule.nextRestoreTest().map(BackupDocument::time).orElse(null));
    return fields;
  }

  static Map<String, @Nullable Object> fire(FireRow fire) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", fire.vmName());
    fields.put("scheduled_at", BackupDocument.time(fire.scheduledAt()));
    fields.put("fired_at", BackupDocument.time(fire.firedAt()));
    fields.put("outcome", fire.outcome().name());
    fields.put("reason", fire.reason().orElse(null));
    fields.put("backup_id", fire.backup().map(id -> id.value()).orElse(null));
    fields.put("backup_status", fire.backupStatus().map(Enum::name).orElse(null));
    return fields;
  }

  static Map<String, @Nullable Object> missed(MissedFire missed) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", missed.vmName());
    fields.put("scheduled_at", BackupDocument.time(missed.dueAt()));
    return fields;
  }
}
