package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Proven;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.DiskProgress;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/**
 * Backups as {@link dev.backstep.job.BackupDocument} writes them, read back. What it leaves out of
 * a row no command shows: definition, lease and snapshot are the server's own affairs.
 */
final class RemoteRows {

  private RemoteRows() {}

  static BackupRow backup(JsonNode json) {
    BackupId id = new BackupId(json.get("backup_id").asString());
    List<BackupDiskRow> disks = new ArrayList<>();
    for (JsonNode disk : json.get("disks")) {
      if (disk.has("id")) { // without, it is one that a queued backup expects to have
        disks.add(disk(id, disk));
      }
    }
    return new BackupRow(
        id,
        new VmId(json.get("vm_id").asString()),
        json.get("vm_name").asString(),
        new RepositoryId(json.get("repository_id").asString()),
        json.get("repository").asString(),
        Status.valueOf(json.get("status").asString()),
        RequestedLevel.AUTO,
        "",
        time(json, "created_at").orElse(Instant.EPOCH),
        time(json, "completed_at"),
        execution(json),
        OptionalLong.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        text(json, "error").or(() -> text(json, "earlier_error")),
        text(json, "note"),
        launch(json),
        disks);
  }

  private static Launch launch(JsonNode json) {
    List<String> tags = new ArrayList<>();
    json.path("tags").forEach(tag -> tags.add(tag.asString()));
    return new Launch(
        Origin.API,
        Optional.empty(),
        Mover.INTERNAL,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        text(json, "waiting_for"),
        tags);
  }

  private static BackupDiskRow disk(BackupId backup, JsonNode json) {
    Optional<Reason> reason = text(json, "reason").map(Reason::valueOf);
    return new BackupDiskRow(
        new DiskBackupId(json.get("id").asString()),
        backup,
        json.get("disk_id").asInt(),
        new DiskKey(json.get("disk_key").asString()),
        Status.valueOf(json.get("status").asString()),
        reason.map(Reason::level),
        reason,
        text(json, "cause").orElse(""),
        text(json, "change_id").map(ChangeId::new),
        text(json, "previous_change_id").map(ChangeId::new),
        text(json, "base_id").map(DiskBackupId::new),
        json.get("chain_length").asInt(),
        json.get("virtual_size").asLong(),
        json.get("bytes_total").asLong(),
        json.get("bytes_read").asLong(),
        json.get("bytes_transferred").asLong(),
        json.get("bytes_stored").asLong(),
        json.get("bytes_audited").asLong(),
        json.get("bytes_differing").asLong(),
        text(json, "image"),
        text(json, "checksum_kind"),
        OptionalLong.empty(),
        json.get("damaged").asBoolean(),
        Optional.empty(),
        Optional.empty(),
        text(json, "error"),
        ledger(json.path("ledger")));
  }

  private static Ledger ledger(JsonNode json) {
    Map<Proof, Proven> proofs = new EnumMap<>(Proof.class);
    for (Proof proof : Proof.values()) {
      JsonNode proven = json.path(proof.word());
      time(proven, "at").ifPresent(at -> proofs.put(proof, new Proven(at, execution(proven))));
    }
    return new Ledger(proofs);
  }

  private static OptionalLong execution(JsonNode json) {
    return json.path("execution_id").isNumber()
        ? OptionalLong.of(json.get("execution_id").asLong())
        : OptionalLong.empty();
  }

  /** The disks of an event. */
  static List<DiskProgress> progress(JsonNode event) {
    List<DiskProgress> disks = new ArrayList<>();
    for (JsonNode disk : event.path("disks")) {
      Optional<Reason> reason = text(disk, "reason").map(Reason::valueOf);
      disks.add(
          new DiskProgress(
              disk.get("disk_id").asInt(),
              disk.get("disk_key").asString(),
              Status.valueOf(disk.get("status").asString()),
              reason.map(Reason::level).orElse(null),
              reason.orElse(null),
              disk.get("bytes_done").asLong(),
              disk.get("bytes_total").asLong()));
    }
    return disks;
  }

  static Optional<String> text(JsonNode json, String name) {
    JsonNode value = json.path(name);
    return value.isString() ? Optional.of(value.asString()) : Optional.empty();
  }

  static Optional<Instant> time(JsonNode json, String name) {
    return text(json, name).map(text -> OffsetDateTime.parse(text).toInstant());
  }
}
