package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Lists backups as runs: execution, status, owner. */
record ExecutionsList(Session session, CommandOptions options) {

  private static final int BACKUPS_MAX = 1000;
  private static final Set<Status> UNFINISHED =
      EnumSet.of(Status.QUEUED, Status.RUNNING, Status.FAILED, Status.STOPPED);

  /** Returns the exit code. */
  int print(boolean all) {
    Engine engine = session.catalog();
    List<BackupRow> rows =
        engine.list(Optional.empty(), BACKUPS_MAX).stream()
            .filter(row -> all || UNFINISHED.contains(row.status()))
            .toList();
    session.terminal().result(options.json() ? json(engine, rows) : text(engine, rows));
    return 0;
  }

  private static String json(Engine engine, List<BackupRow> rows) {
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    for (BackupRow row : rows) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put(
          "execution_id", row.executionId().isPresent() ? row.executionId().getAsLong() : null);
      fields.put("backup_id", row.id().value());
      fields.put("vm_name", row.vmName());
      fields.put("status", row.status().name());
      fields.put("owner_alive", row.status() == Status.RUNNING && engine.ownerAlive(row));
      fields.put("created_at", BackupDocument.time(row.createdAt()));
      fields.put("waiting_for", row.launch().waitingFor().orElse(null));
      fields.put("error", row.error().orElse(null));
      list.add(fields);
    }
    return BackupDocument.text(list);
  }

  private String text(Engine engine, List<BackupRow> rows) {
    if (rows.isEmpty()) {
      return "nothing runs, waits, failed or was stopped";
    }
    BackupText text = new BackupText(session.clock().getZone());
    Table table = new Table("EXECUTION", "BACKUP", "STATUS", "CREATED", "WHAT NEXT");
    for (BackupRow row : rows) {
      table.add(
          row.executionId().isPresent() ? String.valueOf(row.executionId().getAsLong()) : "-",
          row.id().value(),
          row.status().name(),
          text.time(row.createdAt()),
          next(engine, row));
    }
    return table.toString();
  }

  private static String next(Engine engine, BackupRow row) {
    return switch (row.status()) {
      case QUEUED ->
          "stop; waits for " + BackupText.printable(row.launch().waitingFor().orElse("a server"));
      case RUNNING -> engine.ownerAlive(row) ? "stop" : "its process died: recover, then relaunch";
      case FAILED -> "relaunch or abandon: " + BackupText.printable(row.error().orElse("failed"));
      case STOPPED -> "relaunch or abandon";
      default -> "-";
    };
  }
}
