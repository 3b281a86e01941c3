package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.AuditTrail;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.datasource.AbstractDataSource;
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
            new ApiTokens(database, clock), new AuditTrail(database, clock), new LoginBrake(clock));
    MockHttpServletRequest request = new MockHttpServletRequest("GET", "/api/v1/backups");
    request.addHeader("Authorization", "Bearer bst_good");
    MockHttpServletResponse response = new MockHttpServletResponse();

    filter.doFilter(request, response, new MockFilterChain());

    assertThat(response.getStatus()).isEqualTo(503);
    assertThat(response.getContentAsString()).contains("the database does not answer");
  }
}
