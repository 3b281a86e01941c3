package dev.backstep.api;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.ExternalBackups;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/** What the requests of movers mean, programs that copy the bytes of a backup themselves. */
@Component
class MoverRequests {

  private static final Set<String> MOVER_FIELDS = Set.of("export", "snapshot_taken_at", "disks");
  private static final Set<String> DISK_FIELDS =
      Set.of("disk_key", "virtual_size", "tracking_reset");

  /** The accepted fields of a mover's word that a disk is copied. */
  static final Set<String> COMPLETION_FIELDS =
      Set.of("change_id", "disk_id", "bytes_transferred", "interruptions");

  private final RequestedBackups requests;
  private final ExternalBackups backups;
  private final BackupQueries queries;

  MoverRequests(RequestedBackups requests, ExternalBackups backups, BackupQueries queries) {
    this.requests = requests;
    this.backups = backups;
    this.queries = queries;
  }

  /** Whether the caller, and not this program, will copy the bytes. */
  static boolean isOfMover(RequestBody body) {
    String mover = body.find("mover").orElse("internal");
    switch (mover) {
      case "external" -> {
        return true;
      }
      case "internal" -> {
        MOVER_FIELDS.stream()
            .filter(body::has)
            .findFirst()
            .ifPresent(field -> {
              throw new Problem(
                  HttpStatus.BAD_REQUEST, "'" + field + "' goes only with \"mover\": \"external\"");
            });
        return false;
      }
      default ->
          throw new Problem(
              HttpStatus.BAD_REQUEST, "'mover' is '" + mover + "', accepted: internal, external");
    }
  }

  /** Begins a backup and says where the bytes of each disk go. */
  Map<String, @Nullable Object> start(RequestBody body, String caller) {
    JobDefinition definition = requests.definition(body);
    return document(
        backups.begin(
            definition,
            RequestedBackups.level(body, definition),
            Launch.byApi(caller, body.texts("tags")).ofMover(),
            new ExternalBackups.Request(
                body.flag("export"),
                body.flag("strict"),
                body.time("snapshot_taken_at"),
                body.objects("disks", DISK_FIELDS).stream().map(MoverRequests::disk).toList())));
  }

  private static ExternalBackups.DiskRequest disk(RequestBody disk) {
    String key = disk.text("disk_key");
    try {
      return new ExternalBackups.DiskRequest(
          new DiskKey(key), disk.number("virtual_size"), disk.flag("tracking_reset"));
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'disk_key': " + e.getMessage());
    }
  }

  Map<String, @Nullable Object> keepAlive(String id) {
    return document(backups.keepAlive(id));
  }

  Map<String, @Nullable Object> complete(String id, RequestBody body) {
    return document(
        backups.complete(
            id,
            new ExternalBackups.Completion(
                body.smallNumber("disk_id"),
                changeId(body),
                body.number("bytes_transferred").orElse(0),
                body.smallNumber("interruptions").orElse(0))));
  }

  /** Empty or null where the source tracks no changes; a caller who forgets it is told. */
  private static Optional<ChangeId> changeId(RequestBody body) {
    try {
      return body.textOrNothing("change_id").map(ChangeId::new);
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'change_id': " + e.getMessage());
    }
  }

  /** As every backup is shown, and what only its mover needs to know. */
  private Map<String, @Nullable Object> document(ExternalBackup backup) {
    BackupRow row = queries.backup(backup.id());
    Map<String, @Nullable Object> fields = BackupDocument.fields(row);
    fields.put("silent_until", BackupDocument.time(backup.silentUntil()));
    fields.put("disks", row.disks().stream().map(disk -> document(row, disk, backup)).toList());
    return fields;
  }

  private static Map<String, @Nullable Object> document(
      BackupRow row, BackupDiskRow disk, ExternalBackup backup) {
    Map<String, @Nullable Object> fields = BackupDocument.fields(row, disk);
    fields.put("backup_id", disk.id().value());
    for (ExternalBackup.Disk own : backup.disks()) {
      if (own.id().equals(disk.id())) {
        fields.put("image", own.image().toString());
        fields.put("export", own.export().orElse(null));
        fields.put("interruptions", own.interruptions());
      }
    }
    return fields;
  }
}
