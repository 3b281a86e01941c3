package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.SQLExceptionOverride.Override;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.UncategorizedSQLException;

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
}
