package dev.backstep.cli;

import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.domain.TestVerdict;
import dev.backstep.job.RestoreTestDocument;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A restore test as a server tells it. */
final class RemoteRestoreTest {

  static final String PATH = "/api/v1/restore-tests";

  private RemoteRestoreTest() {}

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  static Map<String, @Nullable Object> request(String id, BootSettings settings) {
    Map<String, @Nullable Object> request =
        new LinkedHashMap<>(RestoreTestDocument.fields(settings));
    request.put("backup_id", id);
    return request;
  }

  private static JsonNode settings(JsonNode json) {
    return json.path("run").isObject() ? json.get("run") : json.get("boot");
  }

  private static TestVerdict verdict(String word) {
    return switch (TaskVerdict.valueOf(word)) {
      case PASSED -> TestVerdict.PASSED;
      case FAILED -> TestVerdict.FAILED;
      case PENDING, NOT_DONE, CLEAN, DAMAGED -> TestVerdict.PENDING;
    };
  }

  /** As {@link RestoreTestDocument} writes it. */
  static RestoreTestRow row(JsonNode json) {
    return new RestoreTestRow(
        RemoteTask.row(json, settings(json).toString()),
        new BackupId(json.get("backup_id").asString()),
        verdict(json.get("verdict").asString()),
        RemoteRows.text(json, "detail"));
  }
}
