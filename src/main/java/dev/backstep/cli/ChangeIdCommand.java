package dev.backstep.cli;

import dev.backstep.catalog.StoredChangeId;
import dev.backstep.domain.ChangeId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "changeid",
    description =
        "Prints the change id that the disk's next backup will ask about: that of its newest"
            + " completed disk backup.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ChangeIdCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Parameters(index = "0", paramLabel = "VM", description = "The VM's name.")
  private String vm = "";

  @Parameters(index = "1", paramLabel = "DISK", description = "The disk's number, or its key.")
  private String disk = "";

  ChangeIdCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    Engine engine = session.catalog();
    int diskId = DiskNumber.of(engine, vm, disk);
    StoredChangeId stored =
        engine
            .changeId(vm, diskId)
            .orElseThrow(() ->
                OperatorException.notFound(
                    "disk " + disk + " of " + vm + " has no completed backup"));
    if (options.json()) {
      session.terminal().result(json(stored, diskId));
    } else {
      session.terminal().result(text(stored));
    }
    return 0;
  }

  private String text(StoredChangeId stored) {
    return stored
        .changeId()
        .map(ChangeId::value)
        .orElseThrow(() ->
            OperatorException.notFound(
                stored.diskBackup() + " has no change id: its source tracked no changes"));
  }

  private String json(StoredChangeId stored, int diskId) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", vm);
    fields.put("disk_id", diskId);
    fields.put("change_id", stored.changeId().map(ChangeId::value).orElse(null));
    fields.put("disk_backup_id", stored.diskBackup().value());
    return BackupDocument.text(fields);
  }
}
