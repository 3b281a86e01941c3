package dev.backstep.job;

import dev.backstep.catalog.PlanRow;
import dev.backstep.domain.BackupId;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Stored plans as JSON, in the form of {@link BackupDocument}. */
public final class PlanDocument {

  private PlanDocument() {}

  public static Map<String, @Nullable Object> fields(PlanRow plan) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("plan_id", plan.id());
    fields.put("subject", plan.subject());
    fields.put("status", plan.status().name());
    fields.put("drops", plan.drops().stream().map(BackupId::value).toList());
    fields.put("bytes_freed", plan.bytesFreed());
    fields.put("created_at", BackupDocument.time(plan.createdAt()));
    fields.put("created_by", plan.createdBy());
    fields.put("approved_at", plan.approvedAt().map(BackupDocument::time).orElse(null));
    fields.put("approved_by", plan.approvedBy().orElse(null));
    fields.put("task_id", plan.taskId().orElse(null));
    fields.put("note", plan.note());
    return fields;
  }
}
