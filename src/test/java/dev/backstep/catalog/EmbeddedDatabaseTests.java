package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.SQLExceptionOverride.Override;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.UncategorizedSQLException;
import org.springframework.jdbc.core.simple.JdbcClient;

class EmbeddedDatabaseTests {

  private static final SQLException FULL =
      new SQLException("general error", "HY000", 50_000, new IOException("No space left"));
  private static final SQLException CLOSED =
      new SQLException("the database has been closed", "90098", 90_098);

  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE);
  private final AtomicInteger broken = new AtomicInteger();
  private final EmbeddedDatabase database =
      new EmbeddedDatabase(new DatabaseSettings("jdbc:h2:mem:", "sa", ""), nanos::get);

  @BeforeEach
  void count() {
    database.onBroken(broken::incrementAndGet);
  }

  private Override verdict(SQLException failure) {
    return database.verdicts().adjudicate(failure);
  }

  @Test
  void failedWriteClosesAllConnectionsBeforeTheNextIsMade() throws Exception {
    Connection old = database.getConnection();

    assertThat(verdict(FULL)).isEqualTo(Override.MUST_EVICT);
    assertThat(verdict(CLOSED)).isEqualTo(Override.MUST_EVICT);

    assertThat(broken).hasValue(1);
    assertThat(old.isClosed()).isFalse();
    try (Connection fresh = database.getConnection()) {
      assertThat(old.isClosed()).isTrue();
      assertThat(fresh.isClosed()).isFalse();
    }
  }

  /** A thread that was inside a statement meanwhile says what the others have said. */
  @Test
  void whoComesLateClosesNoFreshConnection() throws Exception {
    database.getConnection();
    verdict(FULL);
    Connection fresh = database.getConnection();
    nanos.addAndGet(Duration.ofSeconds(19).toNanos());

    assertThat(verdict(CLOSED)).isEqualTo(Override.MUST_EVICT);

    assertThat(broken).hasValue(1);
    database.getConnection();
    assertThat(fresh.isClosed()).isFalse();
    assertThat(verdict(FULL)).as("the disk is still full").isEqualTo(Override.MUST_EVICT);
    assertThat(broken).hasValue(2);
    database.getConnection();
    assertThat(fresh.isClosed()).isTrue();
    nanos.addAndGet(Duration.ofSeconds(21).toNanos());
    verdict(CLOSED);
    assertThat(broken).hasValue(3);
  }

  @Test
  void faultyStatementIsNoDatabaseThatIsAway() {
    SQLException changed = new SQLException("record has changed", "HY000", 1020);

    assertThat(DatabaseTrouble.isAway(new UncategorizedSQLException("read", "sql", changed)))
        .isFalse();
    assertThat(DatabaseTrouble.isAway(new UncategorizedSQLException("read", "sql", FULL))).isTrue();
    assertThat(DatabaseTrouble.isAway(new UncategorizedSQLException("read", "sql", CLOSED)))
        .isTrue();
    assertThat(verdict(changed)).isEqualTo(Override.CONTINUE_EVICT);
  }

  /** Each of them is told that the database is away, not that it sent something wrong. */
  @Test
  void whoeverIsAskingWhileItIsOpenedAnewMayAskAgain(@TempDir Path home) throws Exception {
    DatabaseSettings settings =
        new DatabaseSettings("jdbc:h2:" + home.resolve("db/x") + ";DB_CLOSE_DELAY=0", "sa", "");
    Set<String> others = ConcurrentHashMap.newKeySet();
    AtomicInteger answers = new AtomicInteger();
    try (HikariDataSource pool = CatalogConfiguration.open(settings, home);
        ExecutorService callers = Executors.newFixedThreadPool(4)) {
      JdbcClient jdbc = JdbcClient.create(pool);
      jdbc.sql("create table t (x int)").update();
      AtomicBoolean over = new AtomicBoolean();
      for (int i = 0; i < 4; i++) {
        callers.submit(() -> {
          while (!over.get()) {
            try {
              jdbc.sql("select x from t where x = :x").param("x", 1).query(Integer.class).list();
              answers.incrementAndGet();
            } catch (RuntimeException e) {
              if (!DatabaseTrouble.isAway(e)) {
                others.add(e + "");
              }
            }
          }
        });
      }
      for (int i = 0; i < 50; i++) {
        pool.getExceptionOverride().adjudicate(FULL);
        TimeUnit.MILLISECONDS.sleep(20);
      }
      over.set(true);
    }
    assertThat(others).isEmpty();
    assertThat(answers).hasPositiveValue();
  }
}
