package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.JudgedTask;
import dev.backstep.catalog.Page;
import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.PlanRow;
import dev.backstep.catalog.RepositoryCheckRow;
import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.StoredChangeId;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.BootSettings;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.AdminFilter;
import dev.backstep.job.AdminReport;
import dev.backstep.job.BackupRun;
import dev.backstep.job.CopyRequest;
import dev.backstep.job.DiskProgress;
import dev.backstep.job.MergeWork;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OrphanCollection;
import dev.backstep.job.PrunePlan;
import dev.backstep.job.RepositoryImport;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.TaskRun;
import dev.backstep.job.Verification;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** An engine in memory that notes what it was asked to do. */
final class EngineDouble implements Engine, RetentionVerbs, RepositoryVerbs {

  final List<BackupRow> rows = new ArrayList<>();
  final Map<String, StoredChangeId> changeIds = new LinkedHashMap<>();
  final List<String> asked = new ArrayList<>();

  /** The rows of the audit trail: the command, and the result once it is told. */
  final List<String> audited = new ArrayList<>();

  /** What is thrown when the result is told. */
  @Nullable RuntimeException unrecorded;

  /** What each report is asked for, and what it answers. */
  final List<AdminFilter> filters = new ArrayList<>();

  List<Map<String, @Nullable Object>> reported = List.of();

  /** What each verb throws, when anything. */
  @Nullable RuntimeException refusal;

  /** How the next run ends. */
  BackupRow outcome = BackupRowExamples.backup("0", Status.COMPLETED);

  /** How the next verification ends. */
  @Nullable Verification verified;

  /** The one check of a repository, if any. */
  @Nullable RepositoryCheckRow checked;

  /** Held until somebody stops the run, when counted. */
  CountDownLatch untilStopped = new CountDownLatch(0);

  @Override
  public BackupRun launch(JobDefinition definition, RequestedLevel level) {
    return run("launch " + definition.vmName() + " " + level);
  }

  @Override
  public BackupRun relaunch(String id) {
    return run("relaunch " + id);
  }

  private BackupRun run(String what) {
    note(what);
    rows.addFirst(outcome);
    return new Run();
  }

  @Override
  public void stop(String id) {
    note("stop " + id);
    untilStopped.countDown();
  }

  @Override
  public void abandon(String id) {
    note("abandon " + id);
  }

  @Override
  public void recover(String id, boolean force) {
    note("recover " + id + (force ? " by force" : ""));
  }

  private void note(String what) {
    asked.add(what);
    if (refusal != null) {
      throw refusal;
    }
  }

  @Override
  public TaskRun verify(Optional<BackupId> backup, boolean whole) {
    note("verify " + backup.map(BackupId::value).orElse("all") + (whole ? "" : " structure"));
    return new Verify();
  }

  @Override
  public TaskRun replicate(JobDefinition definition, RequestedLevel level, boolean verify) {
    note("replicate " + definition.vmName() + " " + level + " " + verify);
    return new Verify();
  }

  @Override
  public Map<String, @Nullable Object> replication(String id) {
    return Map.of();
  }

  @Override
  public List<Map<String, @Nullable Object>> replicas(Optional<String> vmPath) {
    return List.of();
  }

  @Override
  public TaskRun boot(String id, BootSettings settings) {
    note("boot " + id + " " + settings);
    return new Verify();
  }

  @Override
  public TaskRun run(String id, RunSettings settings) {
    note("run " + id + " " + settings);
    return new Verify();
  }

  @Override
  public Optional<RestoreTestRow> restoreTest(String id) {
    return Optional.empty();
  }

  @Override
  public TaskRun restore(RestoreRequest request) {
    note("restore " + request);
    return new Verify();
  }

  @Override
  public List<RestoredDisk> restoredDisks(String id) {
    return List.of();
  }

  @Override
  public Optional<String> supersededBy(String restore) {
    return Optional.empty();
  }

  @Override
  public TaskRun relaunchTask(String id) {
    note("relaunch " + id);
    return new Verify();
  }

  @Override
  public void stopTask(String id) {
    note("stop " + id);
    untilStopped.countDown();
  }

  @Override
  public Optional<TaskRow> task(String id) {
    return Optional.ofNullable(verified)
        .map(found -> found.row().task())
        .or(() -> Optional.ofNullable(checked).map(RepositoryCheckRow::task));
  }

  @Override
  public List<JudgedTask> tasks(Optional<TaskKind> kind, Optional<Status> status, int limit) {
    String filter = kind.map(TaskKind::word).orElse("all") + status.map(of -> " " + of).orElse("");
    note("tasks " + filter + " " + limit);
    return Optional.ofNullable(verified).stream()
        .map(Verification::row)
        .map(row ->
            new JudgedTask(row.task(), Optional.of(row.verdict()), OptionalInt.of(row.damaged())))
        .toList();
  }

  @Override
  public PrunePlan prunePlan(List<JobDefinition> definitions) {
    note("plan " + definitions.stream().map(JobDefinition::vmName).toList());
    return new PrunePlan(List.of());
  }

  @Override
  public PlanRow storePlan(List<JobDefinition> definitions) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<PlanRow> plans(int limit) {
    note("plans " + limit);
    return List.of();
  }

  @Override
  public PlanRow plan(String id) {
    throw new UnsupportedOperationException();
  }

  @Override
  public PlanRow approvePlan(String id) {
    throw new UnsupportedOperationException();
  }

  @Override
  public TaskRun runPlan(String id) {
    note("run " + id);
    return new Verify();
  }

  @Override
  public MergeWork mergePlan(List<JobDefinition> definitions, boolean consolidate) {
    note("plan merge " + definitions.stream().map(JobDefinition::vmName).toList());
    return new MergeWork(List.of(), List.of());
  }

  @Override
  public TaskRun merge(List<JobDefinition> definitions, boolean consolidate) {
    note("merge " + definitions.stream().map(JobDefinition::vmName).toList());
    return new Verify();
  }

  @Override
  public TaskRun prune(List<JobDefinition> definitions) {
    note("prune " + definitions.stream().map(JobDefinition::vmName).toList());
    return new Verify();
  }

  @Override
  public void pin(String id) {
    note("pin " + id);
  }

  @Override
  public void unpin(String id) {
    note("unpin " + id);
  }

  @Override
  public TaskRun copy(CopyRequest request) {
    throw new UnsupportedOperationException("no copies here");
  }

  @Override
  public Optional<String> repositoryPath(String id) {
    return Optional.empty();
  }

  @Override
  public TaskRun checkRepository(String id) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<RepositoryCheckRow> repositoryCheck(String id) {
    return Optional.ofNullable(checked);
  }

  @Override
  public List<CheckFinding> checkFindings(String id) {
    return List.of();
  }

  @Override
  public List<OrphanCollection.Found> orphans(Path folder, Duration age, boolean collect) {
    note("orphans " + folder + " " + age + " " + collect);
    return List.of();
  }

  @Override
  public RepositoryImport.Result importRepository(Path folder) {
    note("import " + folder);
    return new RepositoryImport.Result(0, 0, 0, List.of());
  }

  @Override
  public RetentionVerbs retention() {
    return this;
  }

  @Override
  public RepositoryVerbs repositories() {
    return this;
  }

  @Override
  public Optional<Verification> verification(String id) {
    return Optional.ofNullable(verified);
  }

  private final class Verify implements TaskRun {
    @Override
    public String id() {
      return "verify-20260131-220000";
    }

    @Override
    public TaskRow state() {
      return Objects.requireNonNull(verified).row().task();
    }

    @Override
    public boolean await(Duration timeout) throws InterruptedException {
      return untilStopped.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }
  }

  @Override
  public void delete(String id) {
    note("delete " + id);
  }

  @Override
  public Optional<BackupRow> find(String id) {
    return rows.stream()
        .filter(row ->
            row.id().value().equals(id)
                || row.disks().stream().anyMatch(disk -> disk.id().value().equals(id)))
        .findFirst();
  }

  @Override
  public List<BackupRow> list(Optional<String> vmName, int limit) {
    return rows.stream()
        .filter(row -> vmName.isEmpty() || vmName.get().equals(row.vmName()))
        .limit(limit)
        .toList();
  }

  @Override
  public boolean ownerAlive(BackupRow backup) {
    return false;
  }

  @Override
  public Optional<StoredChangeId> changeId(String vmName, int diskId) {
    return Optional.ofNullable(changeIds.get(vmName + "/" + diskId));
  }

  @Override
  public List<String> vmNames() {
    return rows.stream().map(BackupRow::vmName).distinct().toList();
  }

  @Override
  public void close() {
    asked.add("close");
  }

  private final class Run implements BackupRun {
    @Override
    public BackupId backup() {
      return outcome.id();
    }

    @Override
    public List<DiskProgress> progress() {
      return outcome.disks().stream()
          .map(disk ->
              new DiskProgress(
                  disk.diskId(),
                  disk.diskKey().value(),
                  disk.status(),
                  disk.level().orElse(null),
                  disk.reason().orElse(null),
                  disk.bytesTotal(),
                  disk.bytesTotal()))
          .toList();
    }

    @Override
    public boolean await(Duration timeout) throws InterruptedException {
      return untilStopped.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public Status status() {
      return outcome.status();
    }

    @Override
    public Optional<String> error() {
      return outcome.error();
    }

    @Override
    public Optional<OperatorException.Kind> failure() {
      return outcome.error().map(error -> OperatorException.Kind.FAILED);
    }
  }

  /** As an operator would see it: nothing there, or nothing allowed. */
  static OperatorException busy(String text) {
    return OperatorException.busy(text, null);
  }

  @Override
  public Page<Map<String, @Nullable Object>> report(
      AdminReport report, AdminFilter filter, PageRequest request) {
    note("report " + report.word() + " " + request.limit());
    filters.add(filter);
    return new Page<>(reported, Optional.empty());
  }

  @Override
  public IntConsumer record(String action) {
    int row = audited.size();
    audited.add(action);
    return status -> {
      if (unrecorded != null) {
        throw unrecorded;
      }
      audited.set(row, action + ": " + status);
    };
  }

  @Override
  public String database() {
    return "a double of a database";
  }
}
