package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands that open the database themselves, and their rows in the audit trail. */
class LocalAuditIT {

  @TempDir private Path folder;

  @BeforeEach
  void makeMachine() throws IOException {
    Path disk = folder.resolve("d.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "8M");
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        """
            .formatted(disk, folder.resolve("repository")));
  }

  @Test
  void eachChangeHasItsRowInTheEmbeddedDatabase() throws Exception {
    String file = folder.resolve("home").resolve("db").resolve("backstep").toString();

    eachChangeHasItsRow(Map.of(), "jdbc:h2:" + file, "sa");
  }

  @Test
  void eachChangeHasItsRowInMariaDb() throws Exception {
    Map<String, String> database = MariaDbServer.shared().newDatabase();

    eachChangeHasItsRow(
        database, database.get("BACKSTEP_DB_URL"), database.get("BACKSTEP_DB_USER"));
  }

  private void eachChangeHasItsRow(Map<String, String> settings, String url, String user)
      throws Exception {
    Program program = new Program(folder, settings);
    String id = program.succeed("backup", "vm", "--json").json().get("backup_id").asString();
    program.succeed("pin", id);
    assertThat(program.run("delete", id).status()).as("it is pinned").isEqualTo(1);
    assertThat(program.run("relaunch", "backup-none").status()).isEqualTo(4);

    String who = System.getProperty("user.name") + " on the command line local ";
    assertThat(rows(url, user, settings.getOrDefault("BACKSTEP_DB_PASSWORD", "")))
        .containsExactly(
            who + "backup vm 200",
            who + "pin " + id + " 200",
            who + "delete " + id + " 409",
            who + "relaunch backup-none 404");
  }

  private static List<String> rows(String url, String user, String password) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Connection connection = DriverManager.getConnection(url, user, password);
        ResultSet row =
            connection
                .createStatement()
                .executeQuery(
                    "select who, remote_address, action, result from audit order by id")) {
      while (row.next()) {
        rows.add(
            String.join(
                " ", row.getString(1), row.getString(2), row.getString(3), row.getString(4)));
      }
    }
    return rows;
  }
}
