package dev.backstep.job;

import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Replications as JSON, in the form of {@link BackupDocument}. */
public final class ReplicationDocument {

  /** What stands before a disk's key where the API names a disk. */
  public static final String DISK_PREFIX = "disk-";

  private ReplicationDocument() {}

  /** How the API names a disk. */
  public static String diskId(DiskKey key) {
    return DISK_PREFIX + key;
  }

  /** A run. */
  public static Map<String, @Nullable Object> fields(ReplicationRun run) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("job_id", run.id());
    fields.put("replication_id", run.replication().value());
    fields.put("vm_path", run.vmPath());
    fields.put("mover", run.mover().name().toLowerCase(Locale.ROOT));
    fields.put("status", run.status().name());
    fields.put("verify", run.verify());
    fields.put("created_at", BackupDocument.time(run.createdAt()));
    fields.put("completed_at", run.completedAt().map(BackupDocument::time).orElse(null));
    fields.put("snapshot_taken_at", run.snapshotTakenAt().map(BackupDocument::time).orElse(null));
    fields.put("error", run.task().flatMap(TaskRow::error).orElse(null));
    fields.put("bytes_total", run.task().map(TaskRow::bytesTotal).orElse(0L));
    fields.put("bytes_done", run.task().map(TaskRow::bytesDone).orElse(0L));
    fields.put("disks", run.disks().stream().map(ReplicationDocument::disk).toList());
    return fields;
  }

  private static Map<String, @Nullable Object> disk(ReplicationRunDisk disk) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("disk_id", diskId(disk.diskKey()));
    fields.put("disk_key", disk.diskKey().value());
    fields.put("target", disk.target().orElse(null));
    fields.put("status", disk.status().name());
    fields.put("level", disk.reason().map(Reason::level).map(Level::word).orElse(null));
    fields.put("reason", disk.reason().map(Enum::name).orElse(null));
    fields.put("cause", disk.cause().isEmpty() ? null : disk.cause());
    fields.put("change_id", value(disk.changeId()));
    fields.put("previous_change_id", value(disk.previousChangeId()));
    fields.put("virtual_size", disk.virtualSize());
    fields.put("bytes_total", disk.bytesTotal());
    fields.put("bytes_done", disk.bytesDone());
    fields.put("bytes_written", disk.bytesWritten());
    fields.put("bytes_audited", disk.bytesAudited());
    fields.put("audit_bytes_differing", disk.auditBytesDiffering());
    fields.put("bytes_compared", disk.bytesCompared());
    fields.put("bytes_differing", disk.bytesDiffering());
    fields.put("completed_at", disk.completedAt().map(BackupDocument::time).orElse(null));
    return fields;
  }

  /** What a target holds. */
  public static Map<String, @Nullable Object> fields(ReplicaDisk replica) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_path", replica.vmPath());
    fields.put("replication_id", replica.replication().value());
    fields.put("mover", replica.mover().name().toLowerCase(Locale.ROOT));
    fields.put("disk_id", diskId(replica.diskKey()));
    fields.put("disk_key", replica.diskKey().value());
    fields.put("target", replica.target().orElse(null));
    fields.put("state", replica.state().name().toLowerCase(Locale.ROOT));
    fields.put("change_id", value(replica.changeId()));
    fields.put("taken_at", replica.takenAt().map(BackupDocument::time).orElse(null));
    fields.put("virtual_size", replica.virtualSize());
    fields.put("job_id", replica.run().orElse(null));
    return fields;
  }

  private static @Nullable String value(Optional<ChangeId> changeId) {
    return changeId.map(ChangeId::value).orElse(null);
  }
}
