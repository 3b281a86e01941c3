package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.LoginRefused;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.mock.web.MockFilterChain;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;

class TokenFilterTests {

  private static final class NoDatabase extends AbstractDataSource {
    @Override
    public Connection getConnection() throws SQLException {
      throw new SQLException("it is away");
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return getConnection();
    }
  }

  /** Told that it is unknown, a caller would throw a good token away. */
  @Test
  void aTokenThatCannotBeLookedUpIsNotCalledUnknown() throws Exception {
    NoDatabase database = new NoDatabase();
    Clock clock = Clock.systemUTC();
    TokenFilter filter =
        new TokenFilter(
            new ApiTokens(database, clock),
            new AuditTrail(database, clock),
            System::nanoTime,
            refusal -> {});
    MockHttpServletRequest request = new MockHttpServletRequest("GET", "/api/v1/backups");
    request.addHeader("Authorization", "Bearer bst_good");
    MockHttpServletResponse response = new MockHttpServletResponse();

    filter.doFilter(request, response, new MockFilterChain());

    assertThat(response.getStatus()).isEqualTo(503);
    assertThat(response.getContentAsString()).contains("the database does not answer");
  }

  /** A database with the tokens alone, which counts how often it is asked. */
  private static final class Asked extends AbstractDataSource {
    private final DataSource tokens =
        new DriverManagerDataSource("jdbc:h2:mem:token-filter;DB_CLOSE_DELAY=-1");
    private int times;

    @Override
    public Connection getConnection() throws SQLException {
      times++;
      return tokens.getConnection();
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return getConnection();
    }
  }

  private static int status(TokenFilter filter, String secret) throws Exception {
    MockHttpServletRequest request = new MockHttpServletRequest("GET", "/api/v1/backups");
    request.addHeader("Authorization", "Bearer " + secret);
    MockHttpServletResponse response = new MockHttpServletResponse();
    filter.doFilter(request, response, new MockFilterChain());
    return response.getStatus();
  }

  /** As a scraper with a revoked token beside others behind one proxy. */
  @Test
  void wrongTokensOfOneLockOutNobodyElseAndCostTheDatabaseNothing() throws Exception {
    Asked database = new Asked();
    JdbcClient.create(database)
        .sql(
            """
            create table api_tokens (name varchar(120) primary key, secret_hash varchar(64),
              role varchar(20), created_at timestamp(6), revoked_at timestamp(6))\
            """)
        .update();
    Clock clock = Clock.systemUTC();
    ApiTokens tokens = new ApiTokens(database, clock);
    AtomicLong nanos = new AtomicLong();
    List<LoginRefused> refusals = new ArrayList<>();
    TokenFilter filter =
        new TokenFilter(tokens, new AuditTrail(database, clock), nanos::get, refusals::add);
    String never = tokens.add("never used until now", "VIEWER");
    for (int i = 0; i < 6; i++) {
      assertThat(status(filter, "bst_revoked")).isEqualTo(401);
    }

    database.times = 0;
    for (int i = 0; i < 100; i++) {
      assertThat(status(filter, "bst_guess" + i)).isEqualTo(429);
    }
    assertThat(database.times).isEqualTo(1);
    assertThat(status(filter, never)).isEqualTo(200);
    assertThat(status(filter, "bst_revoked")).as("that forgave nothing").isEqualTo(429);

    tokens.revoke("never used until now");
    assertThat(status(filter, never)).isEqualTo(429);
    database.times = 0;
    assertThat(status(filter, never)).isEqualTo(429);
    assertThat(database.times).as("worthless, and known to be").isZero();
    assertThat(refusals).hasSize(109).filteredOn(refused -> !refused.slowed()).hasSize(6);
  }
}
