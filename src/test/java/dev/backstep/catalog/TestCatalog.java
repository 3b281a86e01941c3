package dev.backstep.catalog;

import com.zaxxer.hikari.HikariDataSource;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.sql.DataSource;
import liquibase.exception.LiquibaseException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** An empty catalog, its classes on the real pool, and the shortest words for what tests do. */
final class TestCatalog implements AutoCloseable {

  static final RepositoryId REPOSITORY = new RepositoryId("repo-1");

  final HikariDataSource dataSource;
  final JdbcClient jdbc;
  final TransactionTemplate transaction;
  final Leases leases;
  final Machines machines;
  final Repositories repositories;
  final Backups backups;
  final BackupQueries queries;

  /** Liquibase logs through java.util.logging, which logback does not see outside of Boot. */
  private static final Logger LIQUIBASE_LOG = Logger.getLogger("liquibase");

  private TestCatalog(HikariDataSource dataSource, Clock clock) throws LiquibaseException {
    this.dataSource = dataSource;
    migrate(dataSource);
    JdbcTransactionManager manager = new JdbcTransactionManager(dataSource);
    this.jdbc = JdbcClient.create(dataSource);
    this.transaction = new TransactionTemplate(manager);
    this.leases = new Leases(dataSource, clock);
    this.machines = new Machines(dataSource, manager, clock);
    this.repositories = new Repositories(dataSource, clock);
    this.backups = new Backups(dataSource, manager, leases, clock);
    this.queries = new BackupQueries(dataSource, leases);
    repositories.register(REPOSITORY, "/backups");
  }

  static TestCatalog h2(Path home, Clock clock) throws LiquibaseException {
    DatabaseSettings settings = DatabaseSettings.of(home, name -> null);
    return new TestCatalog(CatalogConfiguration.open(settings, home), clock);
  }

  static TestCatalog mariaDb(Path home, Clock clock) throws LiquibaseException {
    return mariaDb(home, clock, MariaDbServer.shared().newDatabase());
  }

  /** On a database that the program would find by these variables. */
  static TestCatalog mariaDb(Path home, Clock clock, Map<String, String> environment)
      throws LiquibaseException {
    DatabaseSettings settings = DatabaseSettings.of(home, environment::get);
    return new TestCatalog(CatalogConfiguration.open(settings, home), clock);
  }

  static void migrate(DataSource dataSource) throws LiquibaseException {
    migrate(dataSource, Level.WARNING);
  }

  static void migrate(DataSource dataSource, Level logged) throws LiquibaseException {
    LIQUIBASE_LOG.setLevel(logged);
    new SchemaMigration(dataSource).afterPropertiesSet();
  }

  long lease() {
    return leases.acquire(ProcessIdentity.current(), Duration.ofMinutes(5)).token();
  }

  BackupId begin(VmId vm, long lease) {
    return backups.begin(newBackup(vm, lease));
  }

  static Backups.NewBackup newBackup(VmId vm, long lease) {
    return new Backups.NewBackup(vm, REPOSITORY, RequestedLevel.AUTO, "vm: " + vm, lease);
  }

  /** A planned, running disk backup. */
  DiskBackupId disk(BackupId backup, long lease, int diskId) throws FencedException {
    DiskBackupId id =
        backups.addDisk(backup, diskId, new DiskKey("key-" + diskId), 1000, taken -> false);
    backups.planned(id, lease, plan(Reason.NO_BASELINE));
    return id;
  }

  static Backups.Plan plan(Reason reason) {
    return new Backups.Plan(reason, "", Optional.empty(), Optional.empty(), 1, 1000, 500);
  }

  void complete(DiskBackupId id, long lease, String changeId) throws FencedException {
    backups.completeDisk(
        id,
        lease,
        Optional.of(new ChangeId(changeId)),
        id + ".qcow2",
        500,
        400,
        300,
        Optional.of("crc32c"));
  }

  /** A start that a schedule waits for, as Quartz keeps it; one a machine. */
  void trigger(String vm, String state, Instant next) {
    jdbc.sql(
            """
            insert into QRTZ_JOB_DETAILS (SCHED_NAME, JOB_NAME, JOB_GROUP, JOB_CLASS_NAME,
              IS_DURABLE, IS_NONCONCURRENT, IS_UPDATE_DATA, REQUESTS_RECOVERY)
            values ('s', :vm, 'schedule', 'none', true, false, false, true)\
            """)
        .param("vm", vm)
        .update();
    jdbc.sql(
            """
            insert into QRTZ_TRIGGERS (SCHED_NAME, TRIGGER_NAME, TRIGGER_GROUP, JOB_NAME, JOB_GROUP,
              NEXT_FIRE_TIME, TRIGGER_STATE, TRIGGER_TYPE, START_TIME)
            values ('s', :vm, 'schedule', :vm, 'schedule', :next, :state, 'CRON', 0)\
            """)
        .param("vm", vm)
        .param("next", next.toEpochMilli())
        .param("state", state)
        .update();
  }

  @Override
  public void close() {
    dataSource.close();
  }
}
