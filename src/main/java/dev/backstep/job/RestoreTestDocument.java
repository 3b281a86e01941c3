package dev.backstep.job;

import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.domain.BootSettings;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Restore tests and their settings as JSON, in the form of {@link BackupDocument}. */
public final class RestoreTestDocument {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private RestoreTestDocument() {}

  public static Map<String, @Nullable Object> fields(RestoreTestRow row) {
    Map<String, @Nullable Object> fields = TaskDocument.fields(row.task());
    fields.put("backup_id", row.backup().value());
    fields.put("verdict", row.verdict().name());
    fields.put("detail", row.detail().orElse(null));
    fields.put("boot", JSON.readTree(row.task().settings()));
    return fields;
  }

  /** The settings as {@link #settings(JsonNode)} reads them. */
  public static Map<String, @Nullable Object> fields(BootSettings settings) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("machine", settings.machine());
    fields.put("memory_mib", settings.memoryMib());
    fields.put("cpus", settings.cpus());
    fields.put("bus", settings.bus());
    fields.put("firmware", settings.firmware());
    fields.put("console", settings.console().orElse(null));
    fields.put("agent", settings.agent());
    fields.put("port", settings.port().isPresent() ? settings.port().getAsInt() : null);
    fields.put("limit_seconds", settings.limit().toSeconds());
    return fields;
  }

  public static String text(BootSettings settings) {
    return JSON.writeValueAsString(fields(settings));
  }

  public static BootSettings settings(String text) {
    return settings(JSON.readTree(text));
  }

  private static BootSettings settings(JsonNode json) {
    return new BootSettings(
        json.path("machine").asString(BootSettings.MACHINE),
        json.path("memory_mib").asInt(BootSettings.MEMORY_MIB),
        json.path("cpus").asInt(BootSettings.CPUS),
        json.path("bus").asString(BootSettings.BUS),
        json.path("firmware").asString(BootSettings.FIRMWARE),
        json.path("console").isString()
            ? Optional.of(json.get("console").asString())
            : Optional.empty(),
        json.path("agent").asBoolean(false),
        json.path("port").isInt() ? OptionalInt.of(json.get("port").asInt()) : OptionalInt.empty(),
        Duration.ofSeconds(json.path("limit_seconds").asLong(BootSettings.LIMIT.toSeconds())));
  }
}
