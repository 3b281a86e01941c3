package dev.backstep.cli;

import dev.backstep.backup.Restore;
import dev.backstep.backup.Restore.RestoredDisk;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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

  @Option(
      names = "--repository",
      paramLabel = "DIR",
      description = {
        "Restores from this repository by its own files alone:",
        "no database is asked, as after it was lost."
      })
  private @Nullable Path folderOfRepository;

  RestoreCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws IOException {
    RestoreTarget target = target(format);
    ChosenPoint chosen = ChosenPoint.find(session, id, folderOfRepository, disk);
    RestorePoint point = chosen.point();
    VmId vm = new VmId(point.vmId());
    RestoreProgress progress = new RestoreProgress(session, options.json(), keys(point));
    List<RestoredDisk> restored =
        new Restore(chosen.repository())
            .run(vm, point, chosen.only(), folder.toAbsolutePath().normalize(), target, progress);
    progress.clear();
    print(chosen, restored, target);
    return 0;
  }

  private static RestoreTarget target(String word) {
    try {
      return RestoreTarget.valueOf(word.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage("--format is '" + word + "'; expected one of: raw, qcow2", e);
    }
  }

  private static Map<Integer, String> keys(RestorePoint point) {
    return point.disks().stream()
        .collect(Collectors.toMap(RestorePoint.Disk::diskId, RestorePoint.Disk::diskKey));
  }

  private void print(ChosenPoint chosen, List<RestoredDisk> restored, RestoreTarget target) {
    RestorePoint point = chosen.point();
    Map<Integer, String> commands = new HashMap<>();
    for (RestorePoint.Disk one : point.disks()) {
      restored.stream()
          .filter(file -> file.diskId() == one.diskId())
          .forEach(file ->
              commands.put(one.diskId(), StockCommand.of(chosen.image(one), target, file.file())));
    }
    if (options.json()) {
      session.terminal().result(json(point, restored, commands));
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
                  + one.file()
                  + System.lineSeparator()
                  + "  the same without backstep: "
                  + BackupText.printable(String.valueOf(commands.get(one.diskId()))));
    }
  }

  private static String json(
      RestorePoint point, List<RestoredDisk> restored, Map<Integer, String> commands) {
    List<Map<String, @Nullable Object>> disks = new ArrayList<>();
    for (RestoredDisk one : restored) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put("disk_id", one.diskId());
      fields.put("disk_key", one.diskKey());
      fields.put("file", one.file().toString());
      fields.put("virtual_size", one.sizeBytes());
      fields.put("data_bytes", one.dataBytes());
      fields.put("chain_length", one.chainLength());
      fields.put("stock_command", commands.get(one.diskId()));
      disks.add(fields);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", point.backupId());
    fields.put("vm_name", point.vmName());
    fields.put("disks", disks);
    return BackupDocument.text(fields);
  }
}
