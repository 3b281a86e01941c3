package dev.backstep.api;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.Look;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.job.definition.JobFolder;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.core.env.Environment;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;

/** What a request for a backup means. */
@Component
class RequestedBackups {

  /** The accepted fields of a request for a backup. */
  static final Set<String> FIELDS =
      Set.of(
          "vm_name",
          "repository_id",
          "backup_type",
          "tags",
          "strict",
          "definition",
          "mover",
          "export",
          "snapshot_taken_at",
          "disks");

  private static final Map<String, RequestedLevel> LEVELS =
      Map.of(
          "full", RequestedLevel.FULL,
          "incremental", RequestedLevel.INCREMENTAL,
          "auto", RequestedLevel.AUTO);

  private final BackupJobs jobs;
  private final BackupQueries queries;
  private final Machines machines;
  private final Repositories repositories;
  private final RequiredBaselines baselines;
  private final Selections selections;
  private final JobFolder definitions;

  RequestedBackups(
      BackupJobs jobs,
      BackupQueries queries,
      Machines machines,
      Repositories repositories,
      RequiredBaselines baselines,
      Selections selections,
      Environment environment) {
    this.jobs = jobs;
    this.queries = queries;
    this.machines = machines;
    this.repositories = repositories;
    this.baselines = baselines;
    this.selections = selections;
    this.definitions = new JobFolder(Path.of(environment.getRequiredProperty("backstep.jobs")));
  }

  /** Puts the backup in the queue. */
  BackupId start(RequestBody body, String caller) {
    JobDefinition definition = definition(body);
    RequestedLevel level = level(body, definition);
    if (level == RequestedLevel.INCREMENTAL && body.flag("strict")) {
      baselines.require(definition);
    }
    return jobs.enqueue(definition, level, Launch.byApi(caller, body.texts("tags")));
  }

  static RequestedLevel level(RequestBody body, JobDefinition definition) {
    String type =
        body.find("backup_type").orElse(definition.level().name().toLowerCase(Locale.ROOT));
    RequestedLevel level = LEVELS.get(type);
    if (level == null) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'backup_type' is '" + type + "', accepted: full, incremental, auto");
    }
    return level;
  }

  /** The definition of the VM that a request names. */
  JobDefinition definition(RequestBody body) {
    JobFolder.Content content = definitions.read();
    JobFolder.Entry entry = one(content, selections.look(content), body.text("vm_name"));
    JobDefinition definition = entry.definition();
    body.find("repository_id").ifPresent(id -> requireRepository(definition, id));
    body.find("definition").ifPresent(text -> requireSame(entry, text));
    return definition;
  }

  /**
   * The definitions of the VMs that a request names; all that the server knows when it names none.
   */
  List<JobDefinition> definitions(RequestBody body) {
    List<String> names = body.texts("vm_names");
    List<String> texts = body.texts("definitions");
    JobFolder.Content content = definitions.read();
    Look look = selections.look(content);
    if (!texts.isEmpty() && texts.size() != names.size()) {
      throw new Problem(
          HttpStatus.BAD_REQUEST, "'definitions' must be as many as 'vm_names', or none");
    }
    if (names.isEmpty()) {
      return content.definitions().stream()
          .flatMap(definition -> look.expand(definition).definitions().stream())
          .toList();
    }
    List<JobDefinition> found = new ArrayList<>();
    for (String name : names) {
      JobFolder.Entry entry = one(content, look, name);
      if (!texts.isEmpty()) {
        requireSame(entry, texts.get(found.size()));
      }
      found.add(entry.definition());
    }
    return found;
  }

  /** Of a VM that a definition names, or that one of the selections has now. */
  private JobFolder.Entry one(JobFolder.Content content, Look look, String vmName) {
    JobFolder.Entry entry = content.byVmName().get(vmName);
    if (entry == null) {
      JobDefinition selected = look.find(vmName).orElseThrow(() -> unknown(content, vmName));
      return new JobFolder.Entry(definitions.folder(), selected);
    }
    if (entry.definition().source().isSelection()) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          vmName
              + " is a selection of VMs, now of "
              + look.expand(entry.definition()).names()
              + "; name one of these");
    }
    return entry;
  }

  private static Problem unknown(JobFolder.Content content, String vmName) {
    return new Problem(
        HttpStatus.NOT_FOUND,
        "no job definition of a VM named '"
            + vmName
            + "'; the server knows "
            + content.byVmName().keySet());
  }

  /** A caller with another definition in mind would get another backup than it asked for. */
  private static void requireSame(JobFolder.Entry own, String text) {
    String known = JobDefinitions.write(own.definition());
    try {
      if (JobDefinitions.write(JobDefinitions.read(text)).equals(known)) {
        return;
      }
    } catch (JobDefinitionException e) {
      throw new Problem(HttpStatus.BAD_REQUEST, "'definition': " + e.getMessage());
    }
    throw new Problem(
        HttpStatus.CONFLICT,
        "the server's job definition of "
            + own.definition().vmName()
            + " in "
            + own.file()
            + " is another one; change that file, or leave the definition out");
  }

  private void requireRepository(JobDefinition definition, String id) {
    Optional<RepositoryId> own = repositories.find(definition.repository());
    boolean same =
        id.equals(definition.repository()) || own.map(RepositoryId::value).equals(Optional.of(id));
    if (!same) {
      throw new Problem(
          HttpStatus.BAD_REQUEST,
          "'repository_id' is '"
              + id
              + "', but the definition of "
              + definition.vmName()
              + " names "
              + definition.repository()
              + own.map(known -> ", whose id is " + known).orElse(""));
    }
  }

  /** A backup as answered to whoever asked for it: what is planned of its disks is not yet told. */
  Map<String, @Nullable Object> answer(BackupId id) {
    BackupRow row = queries.backup(id);
    Map<String, @Nullable Object> fields = BackupDocument.fields(row);
    fields.put("disks", row.disks().isEmpty() ? expectedDisks(row) : begunDisks(row));
    return fields;
  }

  private static List<Map<String, @Nullable Object>> begunDisks(BackupRow row) {
    return row.disks().stream()
        .map(disk -> disk(disk.diskId(), disk.diskKey(), disk.previousChangeId()))
        .toList();
  }

  private List<Map<String, @Nullable Object>> expectedDisks(BackupRow row) {
    JobDefinition definition = JobDefinitions.read(row.definition());
    List<Map<String, @Nullable Object>> disks = new ArrayList<>();
    for (DiskKey key : expectedDisks(definition, machines.disks(row.vmId()))) {
      int diskId = machines.diskId(row.vmId(), key);
      disks.add(
          disk(
              diskId,
              key,
              queries
                  .baseline(row.repositoryId(), row.vmId(), diskId)
                  .flatMap(Baseline::changeId)));
    }
    return disks;
  }

  private static Map<String, @Nullable Object> disk(
      int diskId, DiskKey key, Optional<ChangeId> previous) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("disk_id", diskId);
    fields.put("disk_key", key.value());
    fields.put("previous_change_id", previous.map(ChangeId::value).orElse(null));
    return fields;
  }

  /** Those that a definition lists; where its source finds them, those that it has found so far. */
  private static Set<DiskKey> expectedDisks(JobDefinition definition, Map<Integer, DiskKey> known) {
    List<DiskDefinition> listed = definition.source().disks();
    Set<DiskKey> keys =
        new LinkedHashSet<>(
            listed.isEmpty() ? known.values() : listed.stream().map(DiskDefinition::key).toList());
    keys.removeAll(definition.exclude());
    return keys;
  }

  /**
   * @param diskId any number; no VM has disks beyond {@code int}
   */
  Map<String, @Nullable Object> changeId(String vmName, BigInteger diskId) {
    Optional<StoredChangeId> stored =
        machines.find(vmName).isPresent() && diskId.compareTo(DiskIds.MAX) <= 0
            ? queries.changeId(vmName, diskId.intValue(), Optional.empty())
            : Optional.empty();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("vm_name", vmName);
    fields.put("disk_id", diskId);
    fields.put(
        "change_id", stored.flatMap(StoredChangeId::changeId).map(ChangeId::value).orElse(""));
    fields.put("backup_id", stored.map(found -> found.diskBackup().value()).orElse(""));
    fields.put(
        "message",
        stored.isEmpty()
            ? "No previous backup found"
            : stored.get().changeId().isPresent()
                ? "Change id of the newest completed backup of this disk"
                : "The newest completed backup of this disk has no change id: its source tracked"
                    + " no changes");
    return fields;
  }

  /** The backup with this id, or that a disk backup of this id or an execution belongs to. */
  BackupRow find(String id) {
    Optional<BackupRow> row = queries.named(id);
    return row.orElseThrow(() ->
        new Problem(HttpStatus.NOT_FOUND, id + ": no such backup; GET /api/v1/backups lists them"));
  }
}
