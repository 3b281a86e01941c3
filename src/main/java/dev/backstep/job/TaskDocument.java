package dev.backstep.job;

import dev.backstep.catalog.TaskRow;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tasks as JSON, in the form of {@link BackupDocument}. */
public final class TaskDocument {

  private TaskDocument() {}

  public static Map<String, @Nullable Object> fields(TaskRow row) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("task_id", row.id());
    fields.put("kind", row.kind().word());
    fields.put("subject", row.subject());
    fields.put("status", row.status().name());
    fields.put(
        "execution_id", row.executionId().isPresent() ? row.executionId().getAsLong() : null);
    fields.put("created_at", BackupDocument.time(row.createdAt()));
    fields.put("completed_at", row.completedAt().map(BackupDocument::time).orElse(null));
    fields.put("error", row.error().orElse(null));
    fields.put("bytes_total", row.bytesTotal());
    fields.put("bytes_done", row.bytesDone());
    return fields;
  }
}
