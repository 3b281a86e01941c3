package dev.backstep.job;

import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.RunSettings;
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
    fields.put("verdict", row.outcome().name());
    fields.put("detail", row.detail().orElse(null));
    fields.put("boot", boot(row.task().settings()).map(boot -> fields(boot)).orElse(null));
    fields.put("run", run(row.task().settings()).map(run -> fields(run)).orElse(null));
    return fields;
  }

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

  public static Map<String, @Nullable Object> fields(RunSettings settings) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("command", settings.command());
    fields.put("file_system", settings.fileSystem().orElse(null));
    fields.put("limit_seconds", settings.limit().toSeconds());
    return fields;
  }

  /** As {@link #boot} reads it. */
  public static String text(BootSettings settings) {
    return JSON.writeValueAsString(fields(settings));
  }

  /** As {@link #run} reads it. */
  public static String text(RunSettings settings) {
    return JSON.writeValueAsString(fields(settings));
  }

  /** How a test boots; empty when it runs a command. */
  public static Optional<BootSettings> boot(String text) {
    JsonNode json = JSON.readTree(text);
    return json.has("command") ? Optional.empty() : Optional.of(settings(json));
  }

  /** What a test runs; empty when it boots. */
  public static Optional<RunSettings> run(String text) {
    JsonNode json = JSON.readTree(text);
    return json.has("command")
        ? Optional.of(
            new RunSettings(
                json.get("command").asString(),
                json.path("file_system").isString()
                    ? Optional.of(json.get("file_system").asString())
                    : Optional.empty(),
                Duration.ofSeconds(json.get("limit_seconds").asLong())))
        : Optional.empty();
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
