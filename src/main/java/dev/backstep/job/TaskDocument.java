package dev.backstep.job;

import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.TaskVerdict;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tasks as JSON, in the form of {@link BackupDocument}. */
public final class TaskDocument {

  private TaskDocument() {}

  /** Of a kind of task that comes to no verdict, or one whose verdict the caller adds. */
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
    fields.put("verdict", null);
    fields.put("images_damaged", null);
    return fields;
  }

  public static Map<String, @Nullable Object> fields(JudgedTask judged) {
    Map<String, @Nullable Object> fields = fields(judged.task());
    fields.put("verdict", judged.verdict().map(TaskVerdict::name).orElse(null));
    judged.imagesDamaged().ifPresent(images -> fields.put("images_damaged", images));
    return fields;
  }
}
