package dev.backstep.job;

import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.domain.CheckFinding;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Checks of repositories as JSON, in the form of {@link BackupDocument}. */
public final class RepositoryCheckDocument {

  private RepositoryCheckDocument() {}

  /** Without its findings. */
  public static Map<String, @Nullable Object> fields(RepositoryCheckRow row) {
    Map<String, @Nullable Object> fields = TaskDocument.fields(row.task());
    fields.put("verdict", row.verdict().name());
    fields.put("repository_id", row.repository().value());
    fields.put("restore_points", row.restorePoints());
    fields.put("images", row.images());
    fields.put("problems_total", row.problems());
    return fields;
  }

  public static Map<String, @Nullable Object> fields(CheckFinding finding) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("kind", finding.kind().name());
    fields.put("subject", finding.subject());
    fields.put("text", finding.text());
    fields.put("bytes", finding.bytes());
    fields.put("modified_at", finding.modifiedAt().map(BackupDocument::time).orElse(null));
    return fields;
  }
}
