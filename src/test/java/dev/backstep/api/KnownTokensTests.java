package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ApiTokens;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

class KnownTokensTests {

  /** The common pool may have one alone. */
  private static final Executor THREADS = task -> Thread.ofVirtual().start(task);

  /** A database that lets the first question wait. */
  private static final class Slow extends DelegatingDataSource {
    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);

    private Slow(DriverManagerDataSource database) {
      super(database);
    }

    @Override
    public Connection getConnection() throws SQLException {
      asked.countDown();
      try {
        goOn.await();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      return super.getConnection();
    }
  }

  @Test
  void rightTokenThatComesWhileAnotherOneIsLookedUpIsRight() throws Exception {
    DriverManagerDataSource database =
        new DriverManagerDataSource("jdbc:h2:mem:known-tokens;DB_CLOSE_DELAY=-1");
    JdbcClient.create(database)
        .sql(
            """
            create table api_tokens (name varchar(120) primary key, secret_hash varchar(64),
              role varchar(20), created_at timestamp(6), revoked_at timestamp(6))\
            """)
        .update();
    String good = new ApiTokens(database, Clock.systemUTC()).add("anna", "VIEWER");
    Slow slow = new Slow(database);
    KnownTokens known = new KnownTokens(new ApiTokens(slow, Clock.systemUTC()), System::nanoTime);
    CompletableFuture<KnownTokens.Answer> first =
        CompletableFuture.supplyAsync(() -> known.look("bst_wrong"), THREADS);
    slow.asked.await();

    CompletableFuture<KnownTokens.Answer> second =
        CompletableFuture.supplyAsync(() -> known.look(good), THREADS);
    Thread.sleep(100); // it waits now
    slow.goOn.countDown();

    assertThat(second.join()).isEqualTo(KnownTokens.Answer.GOOD);
    assertThat(first.join()).isEqualTo(KnownTokens.Answer.WRONG);
  }
}
