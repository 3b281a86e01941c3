package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.simple.JdbcClient;

class DatabaseTests {

  @TempDir Path home;

  @Test
  void saysWhenAnotherProcessHasTheEmbeddedDatabase() throws Exception {
    DatabaseSettings settings = DatabaseSettings.of(home, name -> null);
    Process holder = DatabaseHolder.start(home);
    try {
      assertThatThrownBy(() -> CatalogConfiguration.open(settings, home))
          .isInstanceOf(DatabaseBusyException.class)
          .hasMessageContaining(home.resolve("db").toString())
          .hasMessageContaining("another process");
    } finally {
      holder.getOutputStream().close();
      holder.onExit().join();
    }

    try (HikariDataSource free = CatalogConfiguration.open(settings, home)) {
      assertThat(free.isRunning()).isTrue();
    }
  }

  /** H2 keeps commits for half a second before it writes them, unless it is told not to. */
  @Test
  void whatIsCommittedSurvivesAKillRightBehindIt() throws Exception {
    Process holder = DatabaseHolder.start(home);
    for (int i = 0; i < 20; i++) {
      DatabaseHolder.commit(holder);
    }
    holder.destroyForcibly().waitFor();

    try (HikariDataSource left =
        CatalogConfiguration.open(DatabaseSettings.of(home, name -> null), home)) {
      assertThat(
              JdbcClient.create(left)
                  .sql("select count(*) from committed")
                  .query(Long.class)
                  .single())
          .isEqualTo(20);
    }
  }

  /** Else a command that is done sooner than its pool is full warns of what it left. */
  @Test
  void poolThatIsClosedWaitsForAConnectionThatIsBeingMade() throws Exception {
    try (HikariDataSource pool =
        CatalogConfiguration.open(DatabaseSettings.of(home, name -> null), home)) {
      assertThat(pool.getLoginTimeout()).isPositive();
    }
  }

  @Test
  void embeddedDatabaseIsForItsOwnerOnly() throws Exception {
    CatalogConfiguration.open(DatabaseSettings.of(home, name -> null), home).close();

    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve("db"))))
        .isEqualTo("rwx------");
  }

  @Test
  void takesAServerFromTheEnvironment() throws Exception {
    Path secret = Files.writeString(home.resolve("secret"), "pass word\n");

    DatabaseSettings settings =
        DatabaseSettings.of(
            home,
            Map.of(
                    "BACKSTEP_DB_URL", "jdbc:mariadb://db/backstep",
                    "BACKSTEP_DB_USER", "me",
                    "BACKSTEP_DB_PASSWORD_FILE", secret.toString())
                ::get);

    assertThat(settings)
        .isEqualTo(new DatabaseSettings("jdbc:mariadb://db/backstep", "me", "pass word"));
    assertThat(settings.toString()).doesNotContain("pass word");
  }

  @Test
  void refusesOtherDatabasesAndAnUnreadablePassword() {
    assertThatThrownBy(
            () -> DatabaseSettings.of(home, Map.of("BACKSTEP_DB_URL", "jdbc:oracle:thin:x")::get))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("BACKSTEP_DB_URL")
        .hasMessageContaining("jdbc:mariadb:");
    Map<String, String> environment =
        Map.of(
            "BACKSTEP_DB_URL",
            "jdbc:mariadb://db/backstep",
            "BACKSTEP_DB_PASSWORD_FILE",
            home.resolve("missing").toString());
    assertThatThrownBy(() -> DatabaseSettings.of(home, environment::get))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "jdbc:mariadb://db/backstep?user=me&password=s3cret",
        "jdbc:mariadb://db:3306/backstep?PassWord=s3cret&user=me",
        "jdbc:mariadb://address=(host=db)(port=3306)(password=s3cret)/backstep",
        "jdbc:mariadb://me:s3cret@db/backstep",
        "jdbc:h2:/srv/backstep;USER=sa;PASSWORD=s3cret",
        "mysql://me:s3cret@db/backstep"
      })
  void refusesAPasswordInTheUrlWithoutSayingIt(String url) {
    assertThatThrownBy(() -> DatabaseSettings.of(home, Map.of("BACKSTEP_DB_URL", url)::get))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("BACKSTEP_DB_URL")
        .hasMessageContaining("BACKSTEP_DB_PASSWORD_FILE")
        .hasMessageNotContaining("s3");
  }

  @Test
  void saysNoPasswordOfAKeyStore() {
    DatabaseSettings settings =
        DatabaseSettings.of(
            home,
            Map.of(
                    "BACKSTEP_DB_URL",
                    "jdbc:mariadb://db/backstep?keyStorePassword=s3cret&sslMode=trust")
                ::get);

    assertThat(settings.url()).contains("s3cret");
    assertThat(settings.toString())
        .isEqualTo("jdbc:mariadb://db/backstep?keyStorePassword=***&sslMode=trust");
  }

  @Test
  void refusesAHomeThatWouldEndTheUrl() {
    assertThatThrownBy(() -> DatabaseSettings.of(Path.of("/a;INIT=x"), name -> null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("';'");
  }
}
