package dev.backstep.api;

import dev.backstep.catalog.ExecutionRow;
import dev.backstep.job.BackupDocument;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Job executions as JSON, in the job repository's own words. */
final class ExecutionDocument {

  private ExecutionDocument() {}

  static Map<String, @Nullable Object> fields(ExecutionRow row) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("execution_id", row.id());
    fields.put("instance_id", row.instanceId());
    fields.put("job_name", row.jobName());
    fields.put("backup_id", row.backup().map(id -> id.value()).orElse(null));
    fields.put("batch_status", row.status());
    fields.put("exit_code", row.exitCode());
    fields.put("message", row.message().orElse(null));
    fields.put("created_at", BackupDocument.time(row.createdAt()));
    fields.put("started_at", row.startedAt().map(BackupDocument::time).orElse(null));
    fields.put("ended_at", row.endedAt().map(BackupDocument::time).orElse(null));
    fields.put("steps", row.steps().stream().map(ExecutionDocument::step).toList());
    return fields;
  }

  private static Map<String, @Nullable Object> step(ExecutionRow.Step step) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("step_id", step.id());
    fields.put("name", step.name());
    fields.put("batch_status", step.status());
    fields.put("exit_code", step.exitCode());
    fields.put("message", step.message().orElse(null));
    fields.put("started_at", step.startedAt().map(BackupDocument::time).orElse(null));
    fields.put("ended_at", step.endedAt().map(BackupDocument::time).orElse(null));
    fields.put("items_read", step.itemsRead());
    fields.put("items_written", step.itemsWritten());
    fields.put("chunks", step.chunks());
    fields.put("rollbacks", step.rollbacks());
    return fields;
  }
}
