package dev.backstep.api;

import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.job.external.TestDisks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server and a MariaDB that an operator has set up, or that is not there yet. */
class MariaDbServiceIT {

  @TempDir Path folder;

  @BeforeEach
  void makeMachine() throws IOException {
    TestDisks disks = new TestDisks(Files.createDirectory(folder.resolve("vm")), 7, 4 << 20);
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(folder.resolve("jobs/vm.yaml"), disks.definition("vm"));
  }

  private static Map<String, String> database(int port, String name, String user, String password) {
    return Map.of(
        "BACKSTEP_DB_URL", "jdbc:mariadb://127.0.0.1:" + port + "/" + name,
        "BACKSTEP_DB_USER", user,
        "BACKSTEP_DB_PASSWORD", password);
  }

  @Test
  void needsNoMoreThanWhatTheSetUpGrants() throws Exception {
    MariaDbServer mariaDb = MariaDbServer.shared();
    mariaDb.run(
        Files.readString(Path.of("ops", "mariadb", "setup.sql"))
            .replace("'localhost'", "'%'")
            .replace("CHANGE-ME", "s3cret of its own"));
    Map<String, String> environment =
        database(mariaDb.port(), "backstep", "backstep", "s3cret of its own");

    try (ServerProcess server = ServerProcess.start(folder, "home", environment)) {
      assertThat(server.backup("vm").get("status").asString()).isEqualTo("COMPLETED");
    }

    mariaDb.run(
        "revoke create, alter, drop, index, references, create view on backstep.*"
            + " from 'backstep'@'%'");
    try (ServerProcess server = ServerProcess.start(folder, "home", environment)) {
      assertThat(server.backup("vm").get("status").asString()).isEqualTo("COMPLETED");
      assertThat(json(server.get("/api/v1/executions/stale"), 200).has("stale")).isTrue();
      assertThat(json(server.get("/api/v1/executions/missed"), 200).has("missed")).isTrue();
    }
    try (Connection connection =
            DriverManager.getConnection(
                environment.get("BACKSTEP_DB_URL"), "backstep", "s3cret of its own");
        Statement statement = connection.createStatement()) {
      assertThat(actions(statement))
          .hasSize(2)
          .allMatch(row -> row.matches("admin-[0-9a-f]+ 127.0.0.1 POST /api/v1/backups vm 202"));
      assertThatThrownBy(() -> statement.execute("drop table leases"))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("denied");
    }
  }

  /** Each call that was to change something, by whom, from where, and what became of it. */
  private static List<String> actions(Statement statement) throws SQLException {
    List<String> actions = new ArrayList<>();
    try (ResultSet row =
        statement.executeQuery("select who, remote_address, action, result from audit")) {
      while (row.next()) {
        actions.add(
            row.getString(1)
                + " "
                + row.getString(2)
                + " "
                + row.getString(3)
                + " "
                + row.getString(4));
      }
    }
    return actions;
  }

  @Test
  void waitsForADatabaseThatStartsLater() throws Exception {
    int port = MariaDbServer.freePort();
    Process process =
        ServerProcess.launch(
            folder, "home", database(port, "late?createDatabaseIfNotExist=true", "root", ""));
    Path errors = ServerProcess.errors(folder, "home");
    ServerProcess.awaitText(process, errors, "waiting for the database");
    assertThat(errors).content().contains("127.0.0.1:" + port).doesNotContain("Exception");

    MariaDbServer.startAt(port);

    try (ServerProcess server = ServerProcess.await(process, folder, "home")) {
      assertThat(server.backup("vm").get("status").asString()).isEqualTo("COMPLETED");
    }
  }

  @Test
  void endsAtOnceWhileItWaits() throws Exception {
    Process process =
        ServerProcess.launch(
            folder, "home", database(MariaDbServer.freePort(), "never", "root", ""));
    ServerProcess.awaitText(
        process, ServerProcess.errors(folder, "home"), "waiting for the database");

    process.destroy();

    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }

  @Test
  void wrongPasswordIsNoMatterOfTime() throws Exception {
    int port = MariaDbServer.shared().port();
    Process process =
        ServerProcess.launch(folder, "home", database(port, "mysql", "nobody", "wrong"));

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(1);
    assertThat(ServerProcess.errors(folder, "home"))
        .content()
        .contains("BACKSTEP_DB_URL", "nobody")
        .doesNotContain("wrong");
  }
}
