package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupExecution;
import dev.backstep.catalog.DiskRun;
import dev.backstep.catalog.MissedStart;
import dev.backstep.catalog.RunningBackup;
import dev.backstep.catalog.StaleMachine;
import dev.backstep.catalog.StuckExecution;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Level;
import dev.backstep.repository.Repository;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The rows of {@link AdminReports} as trees of names and values. */
final class AdminDocuments {

  private AdminDocuments() {}

  static Map<String, @Nullable Object> running(RunningBackup backup, Instant now) {
    Optional<Integer> slowest = backup.slowest(now).map(run -> run.disk().diskId());
    List<Map<String, @Nullable Object>> disks =
        backup.disks().stream().map(run -> progress(run, now, slowest)).toList();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("execution_id", number(backup.executionId()));
    fields.put("backup_id", backup.id().value());
    fields.put("vm_name", backup.vmName());
    fields.put("mover", backup.mover().name());
    fields.put("created_at", time(backup.createdAt()));
    fields.put("owner_host", backup.host().orElse(null));
    fields.put("owner_process_id", number(backup.processId()));
    fields.put("owner_alive", backup.ownerAlive());
    fields.put(
        "seconds_left",
        backup
            .slowest(now)
            .flatMap(run -> run.timeLeft(now))
            .map(Duration::toSeconds)
            .orElse(null));
    fields.put("slowest_disk_id", slowest.orElse(null));
    fields.put("disks", disks);
    return fields;
  }

  private static Map<String, @Nullable Object> progress(
      DiskRun run, Instant now, Optional<Integer> slowest) {
    BackupDiskRow disk = run.disk();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("id", disk.id().value());
    fields.put("disk_id", disk.diskId());
    fields.put("disk_key", disk.diskKey().value());
    fields.put("status", disk.status().name());
    fields.put("level", disk.level().map(Level::word).orElse(null));
    fields.put("reason", disk.reason().map(Enum::name).orElse(null));
    fields.put("bytes_total", disk.bytesTotal());
    fields.put("bytes_read", disk.bytesRead());
    fields.put("bytes_per_second", number(run.bytesPerSecond(now)));
    fields.put("seconds_left", run.timeLeft(now).map(Duration::toSeconds).orElse(null));
    fields.put("slowest", slowest.equals(Optional.of(disk.diskId())));
    return fields;
  }

  static Map<String, @Nullable Object> execution(BackupExecution row) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("execution_id", number(row.executionId()));
    fields.put("backup_id", row.id().value());
    fields.put("vm_name", row.vmName());
    fields.put("status", row.status().name());
    fields.put("origin", row.origin().name());
    fields.put("attempts", row.attempts());
    fields.put("created_at", time(row.createdAt()));
    fields.put("completed_at", row.endedAt().map(AdminDocuments::time).orElse(null));
    fields.put("seconds", row.ran().map(Duration::toSeconds).orElse(null));
    fields.put("error", row.error().orElse(null));
    return fields;
  }

  static Map<String, @Nullable Object> stuck(StuckExecution row) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("execution_id", number(row.executionId()));
    fields.put("batch_status", row.batchStatus().orElse(null));
    fields.put("backup_id", row.backup().map(Object::toString).orElse(null));
    fields.put("task_id", row.task().orElse(null));
    fields.put("status", row.status().map(Enum::name).orElse(null));
    fields.put("owner_host", row.host().orElse(null));
    fields.put("owner_process_id", number(row.processId()));
    fields.put("lease_ended_at", row.leaseEnd().map(AdminDocuments::time).orElse(null));
    return fields;
  }

  static Map<String, @Nullable Object> disk(DiskRun run, Instant now) {
    BackupDiskRow disk = run.disk();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("id", disk.id().value());
    fields.put("backup_id", disk.backupId().value());
    fields.put("vm_name", run.vmName());
    fields.put("disk_id", disk.diskId());
    fields.put("disk_key", disk.diskKey().value());
    fields.put("completed_at", disk.completedAt().map(AdminDocuments::time).orElse(null));
    fields.put("level", disk.level().map(Level::word).orElse(null));
    fields.put("reason", disk.reason().map(Enum::name).orElse(null));
    fields.put("cause", disk.cause().isEmpty() ? null : disk.cause());
    fields.put("change_id", disk.changeId().map(ChangeId::value).orElse(null));
    fields.put("previous_change_id", disk.previousChangeId().map(ChangeId::value).orElse(null));
    fields.put("image", image(run, disk.id()));
    fields.put("backing_image", disk.baseId().map(base -> image(run, base)).orElse(null));
    fields.put("chain_length", disk.chainLength());
    fields.put("bytes_read", disk.bytesRead());
    fields.put("bytes_transferred", disk.bytesTransferred());
    fields.put("bytes_stored", disk.bytesStored());
    fields.put("seconds", run.ran(now).map(Duration::toSeconds).orElse(null));
    fields.put("bytes_per_second", number(run.bytesPerSecond(now)));
    return fields;
  }

  static Map<String, @Nullable Object> stale(StaleMachine machine, Instant now) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", machine.vmName());
    fields.put("restore_point_at", machine.restorePointAt().map(AdminDocuments::time).orElse(null));
    fields.put(
        "age_seconds",
        machine.restorePointAt().map(at -> Duration.between(at, now).toSeconds()).orElse(null));
    fields.put("last_backup_id", machine.lastBackup().map(Object::toString).orElse(null));
    fields.put("last_status", machine.lastStatus().map(Enum::name).orElse(null));
    fields.put("last_error", machine.lastError().orElse(null));
    return fields;
  }

  static Map<String, @Nullable Object> missed(MissedStart start) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", start.vmName());
    fields.put("scheduled_at", time(start.scheduledAt()));
    fields.put("outcome", start.outcome());
    fields.put("reason", start.reason().orElse(null));
    fields.put("backup_id", start.backup().map(Object::toString).orElse(null));
    return fields;
  }

  private static String image(DiskRun run, DiskBackupId id) {
    Path root = Path.of(run.repositoryPath());
    return Repository.image(root, run.vmId(), run.disk().diskId(), id).toString();
  }

  private static @Nullable Long number(OptionalLong value) {
    return value.isPresent() ? value.getAsLong() : null;
  }

  private static String time(Instant time) {
    return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
        time.truncatedTo(ChronoUnit.MILLIS).atOffset(ZoneOffset.UTC));
  }
}
