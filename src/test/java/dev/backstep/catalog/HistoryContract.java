package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Reason;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Questions about a history of some thousand backups: whole answers, without reading all of it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class HistoryContract {

  private static final BulkHistory HISTORY =
      new BulkHistory(4000, 5, 40, Instant.parse("2026-11-23T01:00:00Z"));

  /** Far more than a page and its disks need, far less than any table has. */
  private static final long ROWS_READ_MAX = 3500;

  private static final String READS_ALL = "what has no index";
  private static final String STALE_VMS = "`ops/sql/stale-vms.sql`";

  private TestCatalog catalog;
  private AdminQueries admin;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void writeHistory(@TempDir Path home) throws Exception {
    catalog = open(home, new MovableClock(HISTORY.end()));
    HISTORY.write(catalog.dataSource);
    admin = new AdminQueries(catalog.dataSource, catalog.leases);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @Test
  void noQuestionReadsTheHistoryWhole() throws Exception {
    Map<String, Long> reads = new HashMap<>();
    try (RowsRead rows = RowsRead.of(catalog.dataSource)) {
      HistoryQueries queries = new HistoryQueries(HISTORY, rows.dataSource(), catalog.leases);
      Map<String, HistoryQueries.Query> all = new HashMap<>(queries.all());
      all.put(STALE_VMS, queries.files(rows.dataSource()).get(STALE_VMS));
      all.put(READS_ALL, readsAll(rows));
      for (Map.Entry<String, HistoryQueries.Query> query : all.entrySet()) {
        long most = 0;
        for (int round = 0; round < 3; round++) {
          long before = rows.count();
          query.getValue().ask(round);
          most = Math.max(most, rows.count() - before);
        }
        reads.put(query.getKey(), most);
      }
    }

    long whole = reads.remove(READS_ALL);
    assertThat(whole).as("the counter counts").isGreaterThanOrEqualTo(4000);
    assertThat(reads).hasSizeGreaterThan(20);
    assertThat(reads.entrySet())
        .allSatisfy(query -> assertThat(query.getValue()).as(query.getKey()).isPositive())
        .allSatisfy(
            query -> assertThat(query.getValue()).as(query.getKey()).isLessThan(ROWS_READ_MAX));
  }

  private static HistoryQueries.Query readsAll(RowsRead rows) {
    JdbcClient jdbc = JdbcClient.create(rows.dataSource());
    return round -> jdbc.sql("select id from backups where note = 'none'").query().listOfRows();
  }

  @Test
  void pagesHaveEachRowOnceInOrder() {
    assertThat(all(page -> admin.failed(Instant.EPOCH, page), row -> row.id().value()))
        .isEqualTo(
            ids(
                "select id from backups where status = 'FAILED' order by completed_at desc, id"
                    + " desc"))
        .hasSizeGreaterThan(100);
    assertThat(all(page -> admin.longest(Instant.EPOCH, page), row -> row.id().value()))
        .isEqualTo(
            ids(
                "select id from backups where ran_seconds is not null"
                    + " order by ran_seconds desc, id desc"))
        .hasSizeGreaterThan(3900);
    assertThat(
            all(
                page ->
                    admin.throughput(Optional.empty(), OptionalInt.empty(), Instant.EPOCH, page),
                row -> row.disk().id().value()))
        .isEqualTo(
            ids(
                "select id from backup_disks where status = 'COMPLETED'"
                    + " order by completed_at desc, id desc"))
        .hasSizeGreaterThan(19_000);
    assertThat(
            all(
                page -> admin.lineage(BulkHistory.BUSY_VM, 2, page),
                row -> row.disk().id().value()))
        .isEqualTo(
            ids(
                "select id from backup_disks where status = 'COMPLETED' and vm_id = 'vm-0'"
                    + " and disk_id = 2 order by completed_at desc, id desc"))
        .hasSizeGreaterThan(500);
    assertThat(
            all(
                page ->
                    admin.fulls(
                        Optional.empty(), Optional.of(Reason.CBT_RESET), Instant.EPOCH, page),
                row -> row.disk().id().value()))
        .isEqualTo(
            ids(
                "select id from backup_disks where status = 'COMPLETED' and level = 'full'"
                    + " and reason = 'CBT_RESET' order by completed_at desc, id desc"))
        .hasSizeGreaterThan(200);
    assertThat(all(page -> admin.stale(HISTORY.end(), page), StaleMachine::vmName))
        .hasSize(40)
        .doesNotHaveDuplicates();
  }

  @Test
  void pagesOfTheApiHaveEachRowOnceInOrder() {
    BackupQueries backups = new BackupQueries(catalog.dataSource, catalog.leases);
    assertThat(all(page -> backups.page(Optional.empty(), page), row -> row.id().value()))
        .isEqualTo(ids("select id from backups order by created_at desc, id desc"))
        .hasSize(4000);
    assertThat(
            all(
                page -> backups.page(Optional.of(BulkHistory.BUSY_VM), page),
                row -> row.id().value()))
        .isEqualTo(
            ids("select id from backups where vm_id = 'vm-0' order by created_at desc, id desc"))
        .hasSizeGreaterThan(100);
    ExecutionQueries executions = new ExecutionQueries(catalog.dataSource);
    assertThat(
            all(page -> executions.page(Optional.empty(), page), row -> String.valueOf(row.id())))
        .isEqualTo(
            ids("select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION order by JOB_EXECUTION_ID desc"))
        .hasSizeGreaterThan(3900);
    AuditTrail audit = new AuditTrail(catalog.dataSource, Clock.systemUTC());
    assertThat(all(page -> audit.page(Instant.EPOCH, page), row -> String.valueOf(row.number())))
        .isEqualTo(ids("select id from audit order by at desc, id desc"))
        .hasSize(8000);
    MachineQueries machines = new MachineQueries(catalog.dataSource);
    assertThat(all(machines::page, MachineRow::name))
        .isEqualTo(ids("select name from vms order by name"))
        .hasSize(40);
  }

  @Test
  void executionHasItsStepsAndItsBackup() {
    ExecutionQueries executions = new ExecutionQueries(catalog.dataSource);
    BackupRow backup =
        new BackupQueries(catalog.dataSource, catalog.leases)
            .backup(new BackupId(HISTORY.backupId(17)));

    ExecutionRow row = executions.find(backup.executionId().orElseThrow()).orElseThrow();

    assertThat(row.backup()).contains(backup.id());
    assertThat(row.steps()).hasSizeGreaterThanOrEqualTo(5);
    assertThat(row.steps()).allMatch(step -> step.executionId() == row.id());
    assertThat(row.startedAt()).isPresent();
    assertThat(executions.page(Optional.of(backup.id()), PageRequest.first(10)).items())
        .contains(row);
    assertThat(executions.find(Long.MAX_VALUE)).isEmpty();
  }

  @Test
  void machineHasItsDisksAndItsNewestRestorePoint() {
    MachineQueries machines = new MachineQueries(catalog.dataSource);

    MachineRow machine = machines.find(BulkHistory.BUSY_VM).orElseThrow();

    assertThat(machine.disks()).hasSize(5);
    assertThat(machine.lastBackup().orElseThrow().value())
        .isEqualTo(
            ids("select id from backups where vm_id = 'vm-0' order by created_at desc, id desc")
                .getFirst());
    assertThat(machine.restorePointAt()).isPresent();
    assertThat(machines.find(BulkHistory.BUSY_VM + "x")).isEmpty();
  }

  /** As small pages as can be, too, since that is where a page may end between equal rows. */
  private static <T> List<String> all(Function<PageRequest, Page<T>> list, Function<T, String> id) {
    List<String> ids = new ArrayList<>();
    Optional<String> after = Optional.empty();
    int size = 1;
    do {
      Page<T> page = list.apply(new PageRequest(after, size));
      assertThat(page.items()).hasSizeLessThanOrEqualTo(size);
      page.items().forEach(item -> ids.add(id.apply(item)));
      after = page.next();
      size = size < 10 ? size + 1 : 500;
    } while (after.isPresent());
    return ids;
  }

  private List<String> ids(String sql) {
    return catalog.jdbc.sql(sql).query(String.class).list();
  }

  /** The administrators' own statements: the same text for both databases, each with its use. */
  @Test
  void everySqlFileRunsAndSaysWhenToUseIt() throws Exception {
    List<Path> files = SqlFiles.all();

    assertThat(files).hasSizeGreaterThan(10);
    for (Path file : files) {
      assertThat(file).content().startsWith("-- When: ").contains("\n-- Shows: ");
      String sql = SqlFiles.statement(file, BulkHistory.BUSY_VM, HISTORY.backupId(2500));
      assertThat(catalog.jdbc.sql(sql).query().listOfRows()).as(file.toString()).isNotNull();
    }
  }
}
