package dev.backstep.cli;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The restore points of a repository as its own files tell them. */
record HeldPoints(Session session) {

  /** Returns the exit code: failed when a file of a restore point makes no sense. */
  int print(Path folder, Optional<String> vm, int limit) throws IOException {
    Repository repository = Repository.open(folder);
    Holdings holdings = Holdings.of(repository);
    List<RestorePoint> points =
        holdings.points().stream()
            .filter(point -> vm.isEmpty() || vm.get().equals(point.vmName()))
            .limit(limit)
            .toList();
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(
                    points.stream().map(point -> fields(repository, point)).toList())
                : text(points));
    holdings.problems().forEach(session.terminal()::error);
    return holdings.problems().isEmpty() ? 0 : Kind.FAILED.exitCode();
  }

  private static String text(List<RestorePoint> points) {
    if (points.isEmpty()) {
      return "no restore points";
    }
    Table table = new Table("RESTORE POINT", "VM", "TAKEN", "DISKS", "SIZE");
    for (RestorePoint point : points) {
      table.add(
          point.backupId(),
          BackupText.printable(point.vmName()),
          BackupText.printable(point.snapshotTakenAt()),
          String.valueOf(point.disks().size()),
          Sizes.bytes(point.disks().stream().mapToLong(RestorePoint.Disk::virtualSize).sum()));
    }
    return table.toString();
  }

  private static Map<String, Object> fields(Repository repository, RestorePoint point) {
    List<Map<String, Object>> disks = new ArrayList<>();
    for (RestorePoint.Disk disk : point.disks()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("id", disk.diskBackupId());
      fields.put("disk_id", disk.diskId());
      fields.put("disk_key", disk.diskKey());
      fields.put("virtual_size", disk.virtualSize());
      fields.put(
          "image",
          repository
              .disk(new VmId(point.vmId()), disk.diskId())
              .image(new DiskBackupId(disk.diskBackupId()))
              .toString());
      disks.add(fields);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", point.backupId());
    fields.put("vm_name", point.vmName());
    fields.put("snapshot_taken_at", point.snapshotTakenAt());
    fields.put("completed_at", point.completedAt());
    fields.put("disks", disks);
    return fields;
  }
}
