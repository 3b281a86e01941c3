package dev.backstep.cli;

import dev.backstep.backup.Restore;
import dev.backstep.backup.Restore.RestoredDisk;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "restore",
    description =
        "Writes the disks of a completed backup as files disk-<n>.<format> into a folder.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class RestoreCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(paramLabel = "ID", description = "A backup's id, or one of its disk backups'.")
  private String id = "";

  @Option(
      names = "--to",
      paramLabel = "DIR",
      required = true,
      description = "Where the files go; made when absent. Files there are never overwritten.")
  private Path folder = Path.of("");

  @Option(names = "--disk", paramLabel = "N", description = "Only the disk of this number.")
  private @Nullable Integer disk;

  @Option(names = "--format", paramLabel = "raw|qcow2", description = "Default: ${DEFAULT-VALUE}.")
  private String format = "raw";

  RestoreCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws IOException {
    RestoreTarget target = target(format);
    BackupRow backup = ShowCommand.find(session.catalog(), id);
    if (backup.status() != Status.COMPLETED) {
      throw OperatorException.failed(
          backup.id()
              + " is "
              + backup.status()
              + "; only COMPLETED backups can be restored, `backstep list` shows them",
          null);
    }
    Optional<Integer> only = only(backup);
    Repository repository = Repository.open(Path.of(backup.repositoryPath()));
    RestorePoint point = repository.restorePoint(backup.vmId(), backup.id());
    RestoreProgress progress = new RestoreProgress(session, options.json(), keys(point));
    List<RestoredDisk> restored =
        new Restore(repository)
            .run(backup.vmId(), point, only, folder.toAbsolutePath().normalize(), target, progress);
    progress.clear();
    print(backup, restored);
    return 0;
  }

  private static RestoreTarget target(String word) {
    try {
      return RestoreTarget.valueOf(word.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage("--format is '" + word + "'; expected one of: raw, qcow2", e);
    }
  }

  /** One disk when asked for by number or by a disk backup's id. */
  private Optional<Integer> only(BackupRow backup) {
    Optional<Integer> byId =
        backup.disks().stream()
            .filter(row -> row.id().value().equals(id))
            .map(BackupDiskRow::diskId)
            .findFirst();
    Optional<Integer> asked = disk == null ? byId : Optional.of(disk);
    if (asked.isPresent()
        && backup.disks().stream().noneMatch(row -> asked.get() == row.diskId())) {
      throw OperatorException.notFound(
          backup.id()
              + " has no disk "
              + asked.get()
              + "; it has "
              + backup.disks().stream().map(BackupDiskRow::diskId).toList());
    }
    return asked;
  }

  private static Map<Integer, String> keys(RestorePoint point) {
    return point.disks().stream()
        .collect(Collectors.toMap(RestorePoint.Disk::diskId, RestorePoint.Disk::diskKey));
  }

  private void print(BackupRow backup, List<RestoredDisk> restored) {
    if (options.json()) {
      session.terminal().result(json(backup, restored));
      return;
    }
    for (RestoredDisk one : restored) {
      session
          .terminal()
          .result(
              "disk "
                  + one.diskId()
                  + "  "
                  + BackupText.printable(one.diskKey())
                  + "  "
                  + Sizes.bytes(one.sizeBytes())
                  + ", "
                  + Sizes.bytes(one.dataBytes())
                  + " of data  "
                  + one.file());
    }
  }

  private static String json(BackupRow backup, List<RestoredDisk> restored) {
    List<Map<String, Object>> disks = new ArrayList<>();
    for (RestoredDisk one : restored) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("disk_id", one.diskId());
      fields.put("disk_key", one.diskKey());
      fields.put("file", one.file().toString());
      fields.put("virtual_size", one.sizeBytes());
      fields.put("data_bytes", one.dataBytes());
      fields.put("chain_length", one.chainLength());
      disks.add(fields);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", backup.id().value());
    fields.put("vm_name", backup.vmName());
    fields.put("disks", disks);
    return BackupDocument.text(fields);
  }
}
