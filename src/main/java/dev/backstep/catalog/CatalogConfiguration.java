package dev.backstep.catalog;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The catalog's beans. Needs the property {@code backstep.home}, the folder for the embedded
 * database.
 */
@Configuration(proxyBeanMethods = false)
public class CatalogConfiguration {

  private static final int CONNECTIONS_MAX = 16;
  private static final Duration CONNECTION_WAIT_MAX = Duration.ofSeconds(30);

  /** H2's error code for a file that another process has open (DATABASE_ALREADY_OPEN_1). */
  private static final int H2_ALREADY_OPEN = 90_020;

  /**
   * The pool, closed with the application's context.
   *
   * @throws DatabaseBusyException when another process has the embedded database open
   */
  @Bean(destroyMethod = "close")
  HikariDataSource dataSource(Environment environment, ObjectProvider<DatabaseWait> wait) {
    Path home = Path.of(environment.getRequiredProperty("backstep.home"));
    DatabaseSettings settings = DatabaseSettings.of(home, environment::getProperty);
    DatabaseWait patience = wait.getIfAvailable();
    return patience == null
        ? open(settings, home)
        : patience.until(settings.toString(), () -> open(settings, home));
  }

  /**
   * In place of Boot's own: it runs before whatever uses the database.
   *
   * @throws NewerDatabaseException when a newer release made the tables
   */
  @Bean
  SchemaMigration schemaMigration(DataSource dataSource) {
    return new SchemaMigration(dataSource);
  }

  @Bean
  Leases leases(DataSource dataSource) {
    return new Leases(dataSource, Clock.systemUTC());
  }

  @Bean
  Machines machines(DataSource dataSource, PlatformTransactionManager manager) {
    return new Machines(dataSource, manager, Clock.systemUTC());
  }

  @Bean
  Repositories repositories(DataSource dataSource) {
    return new Repositories(dataSource, Clock.systemUTC());
  }

  @Bean
  Backups backups(DataSource dataSource, PlatformTransactionManager manager, Leases leases) {
    return new Backups(dataSource, manager, leases, Clock.systemUTC());
  }

  @Bean
  VmDefinitions vmDefinitions(DataSource dataSource) {
    return new VmDefinitions(dataSource);
  }

  @Bean
  Restores restores(DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    return new Restores(dataSource, manager, tasks);
  }

  @Bean
  CbtAudits cbtAudits(DataSource dataSource, PlatformTransactionManager manager, Leases leases) {
    return new CbtAudits(dataSource, manager, leases);
  }

  @Bean
  BackupQueries backupQueries(DataSource dataSource, Leases leases) {
    return new BackupQueries(dataSource, leases);
  }

  @Bean
  AdminQueries adminQueries(DataSource dataSource, Leases leases) {
    return new AdminQueries(dataSource, leases);
  }

  @Bean
  FigureQueries figureQueries(DataSource dataSource, Leases leases) {
    return new FigureQueries(dataSource, leases);
  }

  @Bean
  ExecutionQueries executionQueries(DataSource dataSource) {
    return new ExecutionQueries(dataSource);
  }

  @Bean
  MachineQueries machineQueries(DataSource dataSource) {
    return new MachineQueries(dataSource);
  }

  @Bean
  BackupQueue backupQueue(DataSource dataSource, PlatformTransactionManager manager) {
    return new BackupQueue(dataSource, manager, Clock.systemUTC());
  }

  @Bean
  Releases releases(DataSource dataSource, PlatformTransactionManager manager, Leases leases) {
    return new Releases(dataSource, manager, leases, Clock.systemUTC());
  }

  @Bean
  Continuations continuations(DataSource dataSource) {
    return new Continuations(dataSource, Clock.systemUTC());
  }

  @Bean
  Fires fires(DataSource dataSource) {
    return new Fires(dataSource, Clock.systemUTC());
  }

  @Bean
  BatchHistory batchHistory(DataSource dataSource, PlatformTransactionManager manager) {
    return new BatchHistory(dataSource, manager);
  }

  @Bean
  ScheduledMachines scheduledMachines(DataSource dataSource) {
    return new ScheduledMachines(dataSource, Clock.systemUTC());
  }

  @Bean
  MovedBackups movedBackups(
      DataSource dataSource, PlatformTransactionManager manager, Leases leases, BackupQueue queue) {
    return new MovedBackups(dataSource, manager, leases, queue, Clock.systemUTC());
  }

  @Bean
  ApiTokens apiTokens(DataSource dataSource) {
    return new ApiTokens(dataSource, Clock.systemUTC());
  }

  @Bean
  Removals removals(DataSource dataSource) {
    return new Removals(dataSource, Clock.systemUTC());
  }

  @Bean
  Imports imports(DataSource dataSource) {
    return new Imports(dataSource, Clock.systemUTC());
  }

  @Bean
  Copies copies(DataSource dataSource) {
    return new Copies(dataSource, Clock.systemUTC());
  }

  @Bean
  CatalogIdentity catalogIdentity(DataSource dataSource) {
    return new CatalogIdentity(dataSource);
  }

  @Bean
  CatalogContent catalogContent(DataSource dataSource) {
    return new CatalogContent(dataSource);
  }

  @Bean
  KeptPoints keptPoints(DataSource dataSource) {
    return new KeptPoints(dataSource, Clock.systemUTC());
  }

  @Bean
  Tasks tasks(DataSource dataSource, PlatformTransactionManager manager, Leases leases) {
    return new Tasks(dataSource, manager, leases, Clock.systemUTC());
  }

  @Bean
  TaskQueries taskQueries(DataSource dataSource, Leases leases) {
    return new TaskQueries(dataSource, leases);
  }

  @Bean
  Verifications verifications(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    return new Verifications(dataSource, manager, tasks, Clock.systemUTC());
  }

  @Bean
  Proofs proofs(DataSource dataSource) {
    return new Proofs(dataSource, Clock.systemUTC());
  }

  @Bean
  RestoreTests restoreTests(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    return new RestoreTests(dataSource, manager, tasks, Clock.systemUTC());
  }

  @Bean
  RepositoryChecks repositoryChecks(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    return new RepositoryChecks(dataSource, manager, tasks);
  }

  @Bean
  VerifyRounds verifyRounds(DataSource dataSource) {
    return new VerifyRounds(dataSource);
  }

  @Bean
  RestoreTestRounds restoreTestRounds(DataSource dataSource) {
    return new RestoreTestRounds(dataSource);
  }

  @Bean
  Ledgers ledgers(DataSource dataSource) {
    return new Ledgers(dataSource);
  }

  @Bean
  VerificationQueries verificationQueries(DataSource dataSource) {
    return new VerificationQueries(dataSource);
  }

  @Bean
  Replications replications(
      DataSource dataSource, PlatformTransactionManager manager, Tasks tasks, Leases leases) {
    return new Replications(dataSource, manager, tasks, leases, Clock.systemUTC());
  }

  @Bean
  Replicas replicas(DataSource dataSource, PlatformTransactionManager manager, Tasks tasks) {
    return new Replicas(dataSource, manager, tasks, Clock.systemUTC());
  }

  @Bean
  ReplicationStarts replicationStarts(DataSource dataSource, Leases leases) {
    return new ReplicationStarts(dataSource, leases, Clock.systemUTC());
  }

  @Bean
  MovedReplications movedReplications(DataSource dataSource, PlatformTransactionManager manager) {
    return new MovedReplications(dataSource, manager, Clock.systemUTC());
  }

  @Bean
  ReplicationQueries replicationQueries(DataSource dataSource, TaskQueries tasks) {
    return new ReplicationQueries(dataSource, tasks);
  }

  @Bean
  PrunePlans prunePlans(DataSource dataSource, PlatformTransactionManager manager) {
    return new PrunePlans(dataSource, manager, Clock.systemUTC());
  }

  @Bean
  Merges merges(DataSource dataSource) {
    return new Merges(dataSource);
  }

  @Bean
  AuditTrail auditTrail(DataSource dataSource) {
    return new AuditTrail(dataSource, Clock.systemUTC());
  }

  static HikariDataSource open(DatabaseSettings settings, Path home) {
    if (settings.isH2()) {
      createFolder(home.resolve("db"));
    }
    HikariConfig config = new HikariConfig();
    config.setPoolName("catalog");
    config.setMaximumPoolSize(CONNECTIONS_MAX);
    config.setConnectionTimeout(CONNECTION_WAIT_MAX.toMillis());
    // The row locks and unique keys do the guarding; gap locks would only let neighbours deadlock.
    config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
    try {
      return settings.isH2() ? embedded(settings, config) : server(settings, config);
    } catch (HikariPool.PoolInitializationException e) {
      if (isAlreadyOpen(e)) {
        throw new DatabaseBusyException(
            "the database in "
                + home.resolve("db")
                + " is open in another process; let that one finish, or ask the running server",
            e);
      }
      throw e;
    }
  }

  private static HikariDataSource embedded(DatabaseSettings settings, HikariConfig config) {
    EmbeddedDatabase database = new EmbeddedDatabase(settings, System::nanoTime);
    config.setDataSource(database);
    config.setExceptionOverride(database.verdicts());
    HikariDataSource pool = new HikariDataSource(config);
    database.onBroken(() -> pool.getHikariPoolMXBean().softEvictConnections());
    return pool;
  }

  private static HikariDataSource server(DatabaseSettings settings, HikariConfig config) {
    config.setJdbcUrl(settings.url());
    config.setUsername(settings.user());
    config.setPassword(settings.password());
    return new HikariDataSource(config);
  }

  private static boolean isAlreadyOpen(Throwable thrown) {
    for (@Nullable Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql && sql.getErrorCode() == H2_ALREADY_OPEN) {
        return true;
      }
    }
    return false;
  }

  /** For the owner only: job definitions in the database may hold what others should not read. */
  private static void createFolder(Path folder) {
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder.toAbsolutePath().getParent());
        Files.createDirectory(
            folder,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot create the database's folder " + folder, e);
    }
  }
}
