package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Rows as the catalog gives them, for tests of what is made of them. */
final class BackupRowExamples {

  static final Instant NIGHT = Instant.parse("2026-11-23T01:00:00Z");

  private BackupRowExamples() {}

  static BackupRow backup(String stamp, Status status, BackupDiskRow... disks) {
    Instant created = NIGHT.plusSeconds(Long.parseLong(stamp));
    boolean completed = status == Status.COMPLETED;
    return new BackupRow(
        new BackupId("backup-pg-" + stamp),
        new VmId("pg"),
        "pg",
        new RepositoryId("0011223344556677"),
        "/backups",
        status,
        RequestedLevel.AUTO,
        "{}",
        created,
        completed ? Optional.of(created.plusSeconds(95)) : Optional.empty(),
        OptionalLong.of(7),
        OptionalLong.of(1),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        1,
        status == Status.FAILED ? Optional.of("disk 0: no space left") : Optional.empty(),
        Optional.empty(),
        Launch.byCommand(),
        List.of(disks));
  }

  static BackupDiskRow full(String stamp, int diskId, long stored) {
    return disk(stamp, diskId, Status.COMPLETED, Reason.NO_BASELINE, stored, Optional.empty());
  }

  static BackupDiskRow incremental(String stamp, int diskId, long stored, String base) {
    return disk(
        stamp,
        diskId,
        Status.COMPLETED,
        Reason.CHANGED_EXTENTS,
        stored,
        Optional.of(diskBackupId(base, diskId)));
  }

  static BackupDiskRow disk(
      String stamp,
      int diskId,
      Status status,
      Reason reason,
      long stored,
      Optional<DiskBackupId> base) {
    boolean completed = status == Status.COMPLETED;
    boolean incremental = reason.level() == Level.INCREMENTAL;
    DiskBackupId id = diskBackupId(stamp, diskId);
    return new BackupDiskRow(
        id,
        new BackupId("backup-pg-" + stamp),
        diskId,
        new DiskKey("vd" + (char) ('a' + diskId)),
        status,
        Optional.of(reason.level()),
        Optional.of(reason),
        "",
        completed ? Optional.of(new ChangeId("mark-" + stamp)) : Optional.empty(),
        incremental ? Optional.of(new ChangeId("mark-before")) : Optional.empty(),
        base,
        incremental ? 2 : 1,
        1L << 30,
        4 << 20,
        3 << 20,
        2 << 20,
        stored,
        0,
        0,
        completed ? Optional.of(id + ".qcow2") : Optional.empty(),
        completed ? Optional.of("crc32c") : Optional.empty(),
        OptionalLong.empty(),
        false,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Ledger.EMPTY);
  }

  private static DiskBackupId diskBackupId(String stamp, int diskId) {
    return new DiskBackupId("backup-pg-disk" + diskId + "-" + stamp);
  }
}
