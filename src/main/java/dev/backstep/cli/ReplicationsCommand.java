package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "replications",
    description = "Lists the targets of replications: which moment of which disk each one holds.",
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE, ExitCode.BUSY})
final class ReplicationsCommand implements Callable<Integer> {

  private final Session session;

  @Option(names = "--vm", paramLabel = "VM", description = "Only this VM's, by its path.")
  private @Nullable String vm;

  ReplicationsCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    List<Map<String, @Nullable Object>> replicas =
        session.catalog().replicas(Optional.ofNullable(vm));
    session
        .terminal()
        .result(session.options().json() ? BackupDocument.text(replicas) : text(replicas));
    return 0;
  }

  private static String text(List<Map<String, @Nullable Object>> replicas) {
    if (replicas.isEmpty()) {
      return "no replications yet";
    }
    Table table = new Table("VM", "DISK", "STATE", "AS OF", "SIZE", "TARGET");
    for (Map<String, @Nullable Object> replica : replicas) {
      table.add(
          ReplicationText.word(replica, "vm_path"),
          ReplicationText.word(replica, "disk_key"),
          ReplicationText.word(replica, "state"),
          ReplicationText.word(replica, "taken_at"),
          Sizes.bytes(ReplicationText.number(replica, "virtual_size")),
          ReplicationText.word(replica, "target"));
    }
    return table.toString();
  }
}
