package dev.backstep.cli;

import dev.backstep.backup.Restore;
import dev.backstep.backup.Restore.RestoredDisk;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.RestoreDocument;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Restores by a repository's own files, in this process, when there is no database to ask. */
record DirectRestore(Session session, ChosenPoint chosen) {

  void run(Path folder, RestoreTarget format) throws IOException {
    RestorePoint point = chosen.point();
    Map<Integer, String> keys =
        point.disks().stream()
            .collect(Collectors.toMap(RestorePoint.Disk::diskId, RestorePoint.Disk::diskKey));
    RestoreProgress progress = new RestoreProgress(session, session.options().json(), keys);
    List<RestoredDisk> restored =
        new Restore(chosen.repository())
            .run(
                new VmId(point.vmId()),
                point,
                chosen.only(),
                folder.toAbsolutePath().normalize(),
                format,
                progress);
    progress.clear();
    if (session.options().json()) {
      session.terminal().result(json(restored, format));
    } else {
      restored.forEach(disk -> session.terminal().result(text(disk, format)));
    }
  }

  private String stockCommand(RestoredDisk disk, RestoreTarget format) {
    RestorePoint.Disk held =
        chosen.point().disks().stream()
            .filter(one -> one.diskId() == disk.diskId())
            .findFirst()
            .orElseThrow();
    return RestoreDocument.stockCommand(chosen.image(held), format, disk.file());
  }

  private String text(RestoredDisk disk, RestoreTarget format) {
    return "disk "
        + disk.diskId()
        + "  "
        + BackupText.printable(disk.diskKey())
        + "  "
        + Sizes.bytes(disk.sizeBytes())
        + ", "
        + Sizes.bytes(disk.dataBytes())
        + " of data  "
        + disk.file()
        + System.lineSeparator()
        + "  the same without backstep: "
        + BackupText.printable(stockCommand(disk, format));
  }

  private String json(List<RestoredDisk> restored, RestoreTarget format) {
    List<Map<String, @Nullable Object>> disks = new ArrayList<>();
    for (RestoredDisk one : restored) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put("disk_id", one.diskId());
      fields.put("disk_key", one.diskKey());
      fields.put("file", one.file().toString());
      fields.put("virtual_size", one.sizeBytes());
      fields.put("data_bytes", one.dataBytes());
      fields.put("chain_length", one.chainLength());
      fields.put("stock_command", stockCommand(one, format));
      disks.add(fields);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", chosen.point().backupId());
    fields.put("vm_name", chosen.point().vmName());
    fields.put("disks", disks);
    return BackupDocument.text(fields);
  }
}
