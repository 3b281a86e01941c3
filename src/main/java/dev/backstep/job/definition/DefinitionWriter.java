package dev.backstep.job.definition;

import dev.backstep.domain.BootSettings;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.ReplicationDefinition;
import dev.backstep.domain.RestoreTestDefinition;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.domain.VerifyDefinition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.json.JsonMapper;

/** Writes a definition as the JSON that {@link DefinitionReader} accepts. */
final class DefinitionWriter {

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

  private DefinitionWriter() {}

  static String write(JobDefinition definition) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("vm", definition.vmName());
    fields.put("source", source(definition.source()));
    fields.put("exclude", definition.exclude().stream().map(DiskKey::value).sorted().toList());
    fields.put("repository", definition.repository());
    fields.put("level", Text.word(definition.level()));
    fields.put("cbt-reset", Text.word(definition.cbtReset()));
    fields.put("compression", Text.word(definition.compression()));
    fields.put("compression-level", definition.compressionLevel());
    fields.put("checksum", Text.word(definition.checksum()));
    fields.put("max-parallel-disks", definition.parallelDisksMax());
    fields.put("chain-limit", definition.chainLimit());
    fields.put("cbt-audit", audit(definition.cbtAudit()));
    definition.schedule().ifPresent(schedule -> fields.put("schedule", schedule(schedule)));
    definition.retention().ifPresent(retention -> fields.put("retention", retention(retention)));
    definition.immutable().ifPresent(age -> fields.put("immutable", duration(age)));
    if (!definition.copies().isEmpty()) {
      fields.put("copies", definition.copies().stream().map(DefinitionWriter::copy).toList());
    }
    definition
        .replication()
        .ifPresent(replication -> fields.put("replicate", replication(replication)));
    definition.verify().ifPresent(verify -> fields.put("verify", verify(verify)));
    definition.restoreTest().ifPresent(test -> fields.put("restore-test", restoreTest(test)));
    // JSON lets a raw DEL stand in a string, YAML does not.
    return JSON.writeValueAsString(fields).replace("\u007f", "\\u007f");
  }

  private static Map<String, Object> audit(CbtAuditDefinition audit) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("sample", audit.sample());
    fields.put("all-within", duration(audit.allWithin()));
    return fields;
  }

  private static Map<String, Object> source(SourceDefinition source) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", source.type());
    fields.putAll(new TreeMap<>(source.settings()));
    if (!source.disks().isEmpty()) {
      List<Map<String, Object>> disks = new ArrayList<>();
      source.disks().forEach(disk -> disks.add(disk(source.type(), disk)));
      fields.put("disks", disks);
    }
    return fields;
  }

  private static Map<String, Object> disk(String type, DiskDefinition disk) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("key", disk.key().value());
    if (type.equals("qmp")) {
      int colon = disk.location().indexOf(':');
      fields.put(disk.location().substring(0, colon), disk.location().substring(colon + 1));
    } else {
      fields.put(type.equals("nbd") ? "uri" : "path", disk.location());
    }
    fields.putAll(new TreeMap<>(disk.settings()));
    return fields;
  }

  private static Map<String, Object> schedule(ScheduleDefinition schedule) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("cron", schedule.cron());
    fields.put("zone", schedule.zone().getId());
    fields.put("jitter", duration(schedule.jitter()));
    fields.put("misfire", Text.word(schedule.misfire()));
    schedule.window().ifPresent(window -> fields.put("window", window.from() + "-" + window.to()));
    fields.put(
        "black-out",
        schedule.blackOuts().stream().map(days -> days.first() + ".." + days.last()).toList());
    fields.put("retries", schedule.retries());
    fields.put("retry-pause", duration(schedule.retryPause()));
    return fields;
  }

  private static Map<String, Object> copy(CopyDefinition copy) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("repository", copy.repository());
    copy.retention().ifPresent(retention -> fields.put("retention", retention(retention)));
    return fields;
  }

  private static Map<String, Object> verify(VerifyDefinition verify) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("cron", verify.cron());
    fields.put("zone", verify.zone().getId());
    fields.put("new-within", duration(verify.newWithin()));
    fields.put("all-within", duration(verify.allWithin()));
    verify.share().ifPresent(share -> fields.put("share", share));
    return fields;
  }

  private static Map<String, Object> restoreTest(RestoreTestDefinition test) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("cron", test.cron());
    fields.put("zone", test.zone().getId());
    BootSettings boot = test.boot();
    boot.console().ifPresent(console -> fields.put("console", console));
    fields.put("agent", boot.agent());
    boot.port().ifPresent(port -> fields.put("port", port));
    fields.put("limit", duration(boot.limit()));
    fields.put("memory-mib", boot.memoryMib());
    fields.put("cpus", boot.cpus());
    fields.put("machine", boot.machine());
    fields.put("bus", boot.bus());
    fields.put("firmware", boot.firmware());
    return fields;
  }

  private static Map<String, Object> retention(RetentionDefinition retention) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("last", retention.last());
    fields.put("hourly", retention.hourly());
    fields.put("daily", retention.daily());
    fields.put("weekly", retention.weekly());
    fields.put("monthly", retention.monthly());
    fields.put("yearly", retention.yearly());
    fields.put("min-age", duration(retention.minAge()));
    return fields;
  }

  private static Map<String, Object> replication(ReplicationDefinition replication) {
    Map<String, Object> fields = new LinkedHashMap<>();
    replication.folder().ifPresent(folder -> fields.put("folder", folder));
    Map<String, Object> targets = new TreeMap<>();
    replication.targets().forEach((key, place) -> targets.put(key.value(), place));
    if (!targets.isEmpty()) {
      fields.put("to", targets);
    }
    fields.put("exclude", replication.exclude().stream().map(DiskKey::value).sorted().toList());
    replication.schedule().ifPresent(schedule -> fields.put("schedule", starts(schedule)));
    return fields;
  }

  /** A schedule less what is for backups only. */
  private static Map<String, Object> starts(ScheduleDefinition schedule) {
    Map<String, Object> fields = schedule(schedule);
    fields.remove("retries");
    fields.remove("retry-pause");
    return fields;
  }

  /** The largest unit that loses nothing, so that any duration read fits nine digits again. */
  private static String duration(Duration duration) {
    long seconds = duration.toSeconds();
    if (seconds % 604_800 == 0 && seconds > 0) {
      return seconds / 604_800 + "w";
    }
    if (seconds % 86_400 == 0 && seconds > 0) {
      return seconds / 86_400 + "d";
    }
    if (seconds % 3600 == 0 && seconds > 0) {
      return seconds / 3600 + "h";
    }
    return seconds % 60 == 0 && seconds > 0 ? seconds / 60 + "m" : seconds + "s";
  }
}
