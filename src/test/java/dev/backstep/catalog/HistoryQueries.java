package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Reason;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import javax.sql.DataSource;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.repository.dao.JacksonExecutionContextStringSerializer;
import org.springframework.batch.core.repository.support.JdbcJobRepositoryFactoryBean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** Every list and detail query, each asked about one thing after another of a history. */
public final class HistoryQueries {

  static final int PAGE = 100;

  private static final String JOB = "backup";

  /** Asks one question; {@code round} chooses which page, VM or backup. */
  @FunctionalInterface
  public interface Query {
    void ask(int round) throws Exception;
  }

  private final BulkHistory history;
  private final Map<String, Query> queries = new LinkedHashMap<>();

  public HistoryQueries(BulkHistory history, DataSource dataSource, Leases leases)
      throws Exception {
    this.history = history;
    lists(new BackupQueries(dataSource, leases));
    admin(new AdminQueries(dataSource, leases));
    rest(dataSource, new BackupQueries(dataSource, leases));
    server(dataSource, leases);
    tasks(dataSource, leases);
    batch(jobRepository(dataSource));
  }

  /** By what they ask. */
  public Map<String, Query> all() {
    return queries;
  }

  /** The administrators' statements, by their file's name. */
  public Map<String, Query> files(DataSource dataSource) throws IOException {
    JdbcClient jdbc = JdbcClient.create(dataSource);
    Map<String, Query> files = new LinkedHashMap<>();
    for (Path file : SqlFiles.all()) {
      String sql = SqlFiles.statement(file, BulkHistory.BUSY_VM, backup(1));
      files.put("`" + file + "`", round -> jdbc.sql(sql).query().listOfRows());
    }
    return files;
  }

  private void lists(BackupQueries backups) {
    queries.put("list, " + PAGE + " newest", round -> backups.list(Optional.empty(), PAGE));
    queries.put(
        "list of one VM, " + PAGE + " newest", round -> backups.list(Optional.of(vm(round)), PAGE));
    queries.put("show by backup", round -> backups.find(backup(round)));
    queries.put("show by disk backup", round -> backups.find(backup(round) + "-disk1"));
    queries.put("show by execution", round -> backups.named(number(round) + ""));
    queries.put("changeid", round -> backups.changeId(vm(round), 1, Optional.empty()));
    queries.put("what dead processes left: running", round -> backups.running());
    queries.put("what dead processes left: executions", round -> backups.unfinishedExecutions());
    queries.put(
        "what dead processes left: snapshots", round -> backups.snapshotsToClose(now(round)));
  }

  private void admin(AdminQueries admin) {
    queries.put("running", round -> admin.running());
    queries.put("stuck", round -> admin.stuck());
    paged("failed", page -> admin.failed(Instant.EPOCH, page));
    paged("longest of two days", page -> admin.longest(now(0).minus(Duration.ofDays(2)), page));
    paged("longest of all times", page -> admin.longest(Instant.EPOCH, page));
    paged(
        "throughput of all disks",
        page -> admin.throughput(Optional.empty(), OptionalInt.empty(), Instant.EPOCH, page));
    paged(
        "throughput of the busiest VM",
        page ->
            admin.throughput(
                Optional.of(BulkHistory.BUSY_VM), OptionalInt.empty(), Instant.EPOCH, page));
    queries.put(
        "throughput of one disk",
        round ->
            admin.throughput(
                Optional.of(vm(round)), OptionalInt.of(2), Instant.EPOCH, PageRequest.first(PAGE)));
    queries.put("lineage of a disk", round -> admin.lineage(vm(round), 3, PageRequest.first(PAGE)));
    paged("lineage of the busiest disk", page -> admin.lineage(BulkHistory.BUSY_VM, 1, page));
    paged(
        "full copies",
        page -> admin.fulls(Optional.empty(), Optional.empty(), Instant.EPOCH, page));
    paged(
        "full copies of one reason",
        page -> admin.fulls(Optional.empty(), Optional.of(Reason.CBT_RESET), Instant.EPOCH, page));
    queries.put(
        "full copies of one VM",
        round ->
            admin.fulls(
                Optional.of(vm(round)), Optional.empty(), Instant.EPOCH, PageRequest.first(PAGE)));
    queries.put(
        "missed starts",
        round ->
            admin.missed(
                now(round).minus(Duration.ofDays(1)), now(round), PageRequest.first(PAGE)));
    queries.put("stale VMs", round -> admin.stale(now(round), PageRequest.first(PAGE)));
  }

  private void rest(DataSource dataSource, BackupQueries backups) {
    paged("page of backups", page -> backups.page(Optional.empty(), page));
    paged(
        "page of the busiest VM's backups",
        page -> backups.page(Optional.of(BulkHistory.BUSY_VM), page));
    Ledgers ledgers = new Ledgers(dataSource);
    paged(
        "page of backups with their ledgers",
        page -> {
          Page<BackupRow> rows = backups.page(Optional.empty(), page);
          return new Page<>(ledgers.in(rows.items()), rows.next());
        });
    queries.put(
        "a backup with its ledger", round -> ledgers.in(backups.find(backup(round)).orElseThrow()));
    ExecutionQueries executions = new ExecutionQueries(dataSource);
    paged("page of executions with their steps", page -> executions.page(Optional.empty(), page));
    queries.put(
        "executions of a backup",
        round ->
            executions.page(Optional.of(new BackupId(backup(round))), PageRequest.first(PAGE)));
    queries.put("an execution with its steps", round -> executions.find(number(round)));
    MachineQueries machines = new MachineQueries(dataSource);
    paged("page of VMs", machines::page);
    queries.put("a VM with its disks", round -> machines.find(vm(round)));
    paged("page of repositories", new Repositories(dataSource, Clock.systemUTC())::page);
    paged("page of tokens", new ApiTokens(dataSource, Clock.systemUTC())::page);
    AuditTrail audit = new AuditTrail(dataSource, Clock.systemUTC());
    paged("page of the audit trail", page -> audit.page(Instant.EPOCH, page));
  }

  private void server(DataSource dataSource, Leases leases) {
    Fires fires = new Fires(dataSource, Clock.systemUTC());
    paged("page of starts", page -> fires.page(Optional.empty(), Instant.EPOCH, page));
    paged(
        "page of the busiest VM's starts",
        page -> fires.page(Optional.of(BulkHistory.BUSY_VM), Instant.EPOCH, page));
    queries.put("newest start of each VM", round -> fires.newest());
    queries.put("starts not come to an end with", round -> fires.pending(now(round)));
    ScheduledMachines schedules = new ScheduledMachines(dataSource, Clock.systemUTC());
    paged("page of schedules", schedules::page);
    queries.put("a schedule", round -> schedules.find(new VmId(vm(round))));
  }

  private void tasks(DataSource dataSource, Leases leases) {
    TaskQueries tasks = new TaskQueries(dataSource, leases);
    paged("page of tasks", page -> tasks.page(Optional.empty(), Optional.empty(), page));
    paged(
        "page of tasks of one kind",
        page -> tasks.page(Optional.of(TaskKind.PRUNE), Optional.empty(), page));
    queries.put("a task", round -> tasks.find(task(round)));
    VerificationQueries verifications = new VerificationQueries(dataSource);
    paged("page of verifications", verifications::page);
    queries.put(
        "a verification with its images and findings",
        round -> {
          verifications.find(task(round));
          verifications.images(task(round));
          verifications.findings(task(round), PageRequest.first(100));
        });
    paged(
        "page of the images of a verification of all",
        page -> verifications.images(BulkHistory.OF_ALL, page));
    paged(
        "page of the findings of a verification of all",
        page -> verifications.findings(BulkHistory.OF_ALL, page));
    PrunePlans plans =
        new PrunePlans(dataSource, new JdbcTransactionManager(dataSource), Clock.systemUTC());
    paged("page of stored plans", plans::page);
    queries.put("a stored plan", round -> plans.find(task(round)));
    ReplicationQueries replications = new ReplicationQueries(dataSource, tasks);
    paged(
        "page of replications with their disks", page -> replications.page(Optional.empty(), page));
    paged(
        "page of the busiest VM's replications",
        page -> replications.page(Optional.of(BulkHistory.BUSY_VM), page));
    queries.put("a replication", round -> replications.run(backup(round)));
    paged("page of what targets hold", page -> replications.replicas(Optional.empty(), page));
    queries.put("what a VM's targets hold", round -> replications.replicas(vm(round)));
  }

  private void batch(JobRepository repository) {
    queries.put(
        "job repository: last execution of a backup",
        round ->
            repository.getLastJobExecution(
                JOB,
                new JobParametersBuilder().addString(JOB, backup(round), true).toJobParameters()));
    queries.put(
        "job repository: an execution with its steps",
        round -> repository.getJobExecution((long) number(round)));
  }

  /** Each round takes the page behind the one of the round before. */
  private void paged(String name, Function<PageRequest, Page<?>> list) {
    Map<String, Optional<String>> place = new LinkedHashMap<>();
    queries.put(
        name,
        round ->
            place.put(
                name,
                list.apply(new PageRequest(place.getOrDefault(name, Optional.empty()), PAGE))
                    .next()));
  }

  private int number(int round) {
    return 1 + (int) (round * 7919L % (history.backups() - 100));
  }

  private String task(int round) {
    return "task-" + number(round) / 5;
  }

  private String backup(int round) {
    return history.backupId(number(round) - 1);
  }

  /** Each second one is the busy one. */
  private String vm(int round) {
    return round % 2 == 0 ? BulkHistory.BUSY_VM : history.vmId(number(round));
  }

  /** Never the same, since H2 keeps the result of a question that is asked again. */
  private Instant now(int round) {
    return history.end().plusMillis(round);
  }

  private static JobRepository jobRepository(DataSource dataSource) throws Exception {
    JdbcJobRepositoryFactoryBean factory = new JdbcJobRepositoryFactoryBean();
    factory.setDataSource(dataSource);
    factory.setSerializer(new JacksonExecutionContextStringSerializer());
    factory.setTransactionManager(new JdbcTransactionManager(dataSource));
    factory.afterPropertiesSet();
    return factory.getObject();
  }
}
