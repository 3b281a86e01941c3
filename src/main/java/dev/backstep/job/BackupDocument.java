package dev.backstep.job;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Level;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Proven;
import dev.backstep.repository.Repository;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Backups as JSON, the form that scripts rely on: names in snake case, sizes in bytes, times in ISO
 * 8601 with offset, paths absolute, null where there is nothing.
 */
public final class BackupDocument {

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private BackupDocument() {}

  public static String json(BackupRow backup) {
    return text(fields(backup));
  }

  public static String json(List<BackupRow> backups) {
    return text(backups.stream().map(BackupDocument::fields).toList());
  }

  /** Any tree of maps, lists and values. */
  public static String text(Object tree) {
    return JSON.writeValueAsString(tree);
  }

  /** The document as a tree of maps, lists and values. */
  public static Map<String, @Nullable Object> fields(BackupRow backup) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", backup.id().value());
    fields.put("vm_name", backup.vmName());
    fields.put("vm_id", backup.vmId().value());
    fields.put("status", backup.status().name());
    fields.put(
        "execution_id", backup.executionId().isPresent() ? backup.executionId().getAsLong() : null);
    fields.put("created_at", time(backup.createdAt()));
    fields.put("completed_at", backup.completedAt().map(BackupDocument::time).orElse(null));
    fields.put("repository", backup.repositoryPath());
    fields.put("repository_id", backup.repositoryId().value());
    fields.put("waiting_for", backup.launch().waitingFor().orElse(null));
    fields.put("tags", backup.launch().tags());
    fields.put("error", backup.presentError().orElse(null));
    fields.put("earlier_error", backup.earlierError().orElse(null));
    fields.put("note", backup.note().orElse(null));
    fields.put("ledger", fields(backup.ledger()));
    fields.put("disks", backup.disks().stream().map(disk -> fields(backup, disk)).toList());
    return fields;
  }

  /** One of the document's disks. */
  public static Map<String, @Nullable Object> fields(BackupRow backup, BackupDiskRow disk) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("id", disk.id().value());
    fields.put("disk_id", disk.diskId());
    fields.put("disk_key", disk.diskKey().value());
    fields.put("status", disk.status().name());
    fields.put("level", disk.level().map(Level::word).orElse(null));
    fields.put("reason", disk.reason().map(Enum::name).orElse(null));
    fields.put("cause", disk.cause().isEmpty() ? null : disk.cause());
    fields.put("change_id", disk.changeId().map(ChangeId::value).orElse(null));
    fields.put("previous_change_id", disk.previousChangeId().map(ChangeId::value).orElse(null));
    fields.put("virtual_size", disk.virtualSize());
    fields.put("bytes_total", disk.bytesTotal());
    fields.put("bytes_read", disk.bytesRead());
    fields.put("bytes_transferred", disk.bytesTransferred());
    fields.put("bytes_stored", disk.bytesStored());
    fields.put("bytes_audited", disk.bytesAudited());
    fields.put("bytes_differing", disk.bytesDiffering());
    fields.put("image", image(backup, disk).map(Path::toString).orElse(null));
    fields.put("checksum_kind", disk.checksumKind().orElse(null));
    fields.put("base_id", disk.baseId().map(DiskBackupId::value).orElse(null));
    fields.put("backing_image", backingImage(backup, disk).map(Path::toString).orElse(null));
    fields.put("chain_length", disk.chainLength());
    fields.put("damaged", disk.damaged());
    fields.put("error", disk.error().orElse(null));
    fields.put("ledger", fields(disk.ledger()));
    return fields;
  }

  private static Map<String, @Nullable Object> fields(Ledger ledger) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    for (Proof proof : Proof.values()) {
      fields.put(proof.word(), ledger.find(proof).map(BackupDocument::fields).orElse(null));
    }
    return fields;
  }

  private static Map<String, @Nullable Object> fields(Proven proven) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("at", time(proven.at()));
    fields.put(
        "execution_id", proven.executionId().isPresent() ? proven.executionId().getAsLong() : null);
    return fields;
  }

  /** The disk backup's image, absolute; empty until completed. */
  public static Optional<Path> image(BackupRow backup, BackupDiskRow disk) {
    return disk.image().map(name -> path(backup, disk, disk.id()));
  }

  /** The image under it, absolute. */
  public static Optional<Path> backingImage(BackupRow backup, BackupDiskRow disk) {
    return disk.baseId().map(base -> path(backup, disk, base));
  }

  private static Path path(BackupRow backup, BackupDiskRow disk, DiskBackupId id) {
    Path root = Path.of(backup.repositoryPath());
    return Repository.image(root, backup.vmId(), disk.diskId(), id);
  }

  public static String time(Instant time) {
    return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
        time.truncatedTo(ChronoUnit.MILLIS).atOffset(ZoneOffset.UTC));
  }
}
