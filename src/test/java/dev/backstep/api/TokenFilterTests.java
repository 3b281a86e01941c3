package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.AuditTrail;
import dev.backstep.catalog.LoginRefused;
import dev.backstep.catalog.PageRequest;
import jakarta.servlet.FilterChain;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.mock.web.MockFilterChain;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;

class TokenFilterTests {

  private static final class Away extends AbstractDataSource {
    private final SQLException failure;

    private Away(SQLException failure) {
      this.failure = failure;
    }

    @Override
    public Connection getConnection() throws SQLException {
      throw failure;
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return getConnection();
    }
  }

  /** Told that it is unknown, a caller would throw a good token away. */
  @Test
  void aTokenThatCannotBeLookedUpIsNotCalledUnknown() throws Exception {
    Away database = new Away(new SQLException("it is away"));
    Clock clock = Clock.systemUTC();
    TokenFilter filter =
        new TokenFilter(
            new ApiTokens(database, clock),
            new AuditTrail(database, clock),
            System::nanoTime,
            refusal -> {});
    MockHttpServletResponse response =
        answer(filter, "GET /api/v1/backups", "bst_good", new MockFilterChain());

    assertThat(response.getStatus()).isEqualTo(503);
    assertThat(response.getContentAsString()).contains("the database does not answer");
  }

  /** As above, whatever fails. */
  @Test
  void aLookUpThatFailsOtherwiseIsTheServersFault() throws Exception {
    Asked database = new Asked("broken"); // without the table
    TokenFilter filter =
        new TokenFilter(
            new ApiTokens(database, Clock.systemUTC()),
            new AuditTrail(database, Clock.systemUTC()),
            System::nanoTime,
            refusal -> {});

    MockHttpServletResponse response =
        answer(filter, "GET /api/v1/backups", "bst_good", new MockFilterChain());

    assertThat(response.getStatus()).isEqualTo(500);
    assertThat(response.getContentAsString()).contains("its log says why").doesNotContain("select");
  }

  /** Of where the database is, and of the disk under it, nothing is told to whoever asks. */
  @Test
  void whoMayAskIsNotToldWhatTheSystemSaysBeforeThatIsKnown() throws Exception {
    Asked database = new Asked("told");
    JdbcClient.create(database).sql(TOKENS).update();
    Clock clock = Clock.systemUTC();
    ApiTokens tokens = new ApiTokens(database, clock);
    String anna = tokens.add("anna", "VIEWER");
    TokenFilter filter =
        new TokenFilter(
            tokens,
            new AuditTrail(new Away(new SQLException("host=secret.example")), clock),
            System::nanoTime,
            refusal -> {});

    assertThat(delete(filter, anna, new MockFilterChain()).getContentAsString())
        .contains("nothing was changed")
        .doesNotContain("secret");
    database.failure = new SQLException("general", new IOException("/secret: No space left"));
    MockHttpServletResponse response = delete(filter, anna, new MockFilterChain());
    assertThat(response.getStatus()).isEqualTo(503);
    assertThat(response.getContentAsString())
        .contains("the database does not answer")
        .doesNotContain("secret");
  }

  /** One that is told so is thrown away; one that the server cannot look up is sent again. */
  @Test
  void rightTokenIsNotCalledWrongWhileNobodyKnows() throws Exception {
    Asked database = new Asked("unread");
    JdbcClient.create(database).sql(TOKENS).update();
    Clock clock = Clock.systemUTC();
    ApiTokens tokens = new ApiTokens(database, clock);
    String never = tokens.add("never used until now", "VIEWER");
    AtomicLong nanos = new AtomicLong();
    TokenFilter filter =
        new TokenFilter(tokens, new AuditTrail(database, clock), nanos::get, refusal -> {});
    for (int i = 0; i < 6; i++) {
      assertThat(status(filter, "bst_revoked")).isEqualTo(401);
    }
    nanos.addAndGet(1_000_000_000);
    assertThat(status(filter, "bst_revoked")).as("two seconds for the next").isEqualTo(401);

    database.failure = new SQLException("it is away");
    assertThat(status(filter, never)).isEqualTo(503);
    database.times = 0;
    assertThat(status(filter, never)).as("within the same second").isEqualTo(503);
    assertThat(database.times).isZero();
    database.failure = null;
    nanos.addAndGet(999_999_999);
    assertThat(status(filter, never)).isEqualTo(503);
    nanos.addAndGet(1);
    assertThat(status(filter, never)).isEqualTo(200);
    assertThat(status(filter, "bst_revoked")).isEqualTo(429);
  }

  /** A database with the tokens alone, which counts how often it is asked. */
  private static final class Asked extends AbstractDataSource {
    private final DataSource tokens;
    private @Nullable SQLException failure;
    private int times;

    private Asked(String name) {
      tokens = new DriverManagerDataSource("jdbc:h2:mem:" + name + ";DB_CLOSE_DELAY=-1");
    }

    @Override
    public Connection getConnection() throws SQLException {
      times++;
      if (failure != null) {
        throw failure;
      }
      return tokens.getConnection();
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
      return getConnection();
    }
  }

  private static int status(TokenFilter filter, String secret) throws Exception {
    return answer(filter, "GET /api/v1/backups", secret, new MockFilterChain()).getStatus();
  }

  private static MockHttpServletResponse delete(
      TokenFilter filter, String secret, FilterChain change) throws Exception {
    return answer(filter, "DELETE /api/v1/backups/b", secret, change);
  }

  /**
   * @param line method and path
   */
  private static MockHttpServletResponse answer(
      TokenFilter filter, String line, String secret, FilterChain chain) throws Exception {
    String[] parts = line.split(" ");
    MockHttpServletRequest request = new MockHttpServletRequest(parts[0], parts[1]);
    request.addHeader("Authorization", "Bearer " + secret);
    MockHttpServletResponse response = new MockHttpServletResponse();
    filter.doFilter(request, response, chain);
    return response;
  }

  private static final String TOKENS =
      """
      create table api_tokens (name varchar(120) primary key, secret_hash varchar(64),
        role varchar(20), created_at timestamp(6), revoked_at timestamp(6))\
      """;

  private static final String AUDIT =
      """
      create table audit (id bigint generated by default as identity primary key, at timestamp(6),
        who varchar(120), remote_address varchar(60), action varchar(300), result int)\
      """;

  @Test
  void aChangeIsOnRecordBeforeItIsMade() throws Exception {
    DataSource database = new DriverManagerDataSource("jdbc:h2:mem:audited;DB_CLOSE_DELAY=-1");
    JdbcClient jdbc = JdbcClient.create(database);
    jdbc.sql(TOKENS).update();
    jdbc.sql(AUDIT).update();
    Clock clock = Clock.systemUTC();
    ApiTokens tokens = new ApiTokens(database, clock);
    AuditTrail audit = new AuditTrail(database, clock);
    TokenFilter filter = new TokenFilter(tokens, audit, System::nanoTime, refusal -> {});
    String anna = tokens.add("anna", "ADMIN");
    Supplier<List<AuditTrail.Entry>> trail =
        () -> audit.page(Instant.EPOCH, PageRequest.first(9)).items();

    delete(
        filter,
        anna,
        (request, response) -> {
          assertThat(trail.get())
              .singleElement()
              .satisfies(entry -> {
                assertThat(entry.who()).isEqualTo("anna");
                assertThat(entry.remoteAddress()).isEqualTo("127.0.0.1");
                assertThat(entry.action()).isEqualTo("DELETE /api/v1/backups/b");
                assertThat(entry.result()).isEmpty();
              });
          ((HttpServletResponse) response).setStatus(409);
        });

    assertThat(trail.get())
        .extracting(AuditTrail.Entry::result)
        .containsExactly(OptionalInt.of(409));
    assertThatThrownBy(() ->
            delete(
                filter,
                anna,
                (request, response) -> {
                  throw new IOException("the caller is gone");
                }))
        .isInstanceOf(IOException.class);
    assertThat(trail.get().getFirst().result()).as("not what was never answered").hasValue(500);
    assertThatThrownBy(() ->
            delete(
                filter,
                anna,
                (request, response) -> {
                  ((HttpServletResponse) response).setStatus(204);
                  throw new IOException("the caller is gone");
                }))
        .isInstanceOf(IOException.class);
    assertThat(trail.get().getFirst().result()).as("it was carried out").hasValue(204);
  }

  @Test
  void aChangeThatCannotBeOnRecordIsNotMade() throws Exception {
    DataSource database = new DriverManagerDataSource("jdbc:h2:mem:unaudited;DB_CLOSE_DELAY=-1");
    JdbcClient.create(database).sql(TOKENS).update();
    Clock clock = Clock.systemUTC();
    ApiTokens tokens = new ApiTokens(database, clock);
    TokenFilter filter =
        new TokenFilter(tokens, new AuditTrail(database, clock), System::nanoTime, refusal -> {});

    MockHttpServletResponse response =
        delete(
            filter,
            tokens.add("anna", "ADMIN"),
            (request, answer) -> {
              throw new AssertionError("it was carried out");
            });

    assertThat(response.getStatus()).isEqualTo(503);
    assertThat(response.getContentAsString()).contains("nothing was changed", "audit");
  }

  /** As a scraper with a revoked token beside others behind one proxy. */
  @Test
  void wrongTokensOfOneLockOutNobodyElseAndCostTheDatabaseNothing() throws Exception {
    Asked database = new Asked("token-filter");
    JdbcClient.create(database).sql(TOKENS).update();
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
