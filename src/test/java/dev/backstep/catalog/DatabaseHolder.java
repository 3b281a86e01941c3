package dev.backstep.catalog;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A process that holds the embedded database of a home folder until its input ends. For each byte
 * that it reads it commits a row, and says so.
 */
final class DatabaseHolder {

  private DatabaseHolder() {}

  static Process start(Path home) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                DatabaseHolder.class.getName(),
                home.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    if (process.getInputStream().read() != 'o') {
      process.destroyForcibly();
      throw new IOException("the holder did not open the database");
    }
    return process;
  }

  /** Has it commit one row more. */
  static void commit(Process holder) throws IOException {
    holder.getOutputStream().write('\n');
    holder.getOutputStream().flush();
    if (holder.getInputStream().read() != 'c') {
      throw new IOException("the holder did not commit");
    }
  }

  static void main(String[] arguments) throws IOException, SQLException {
    Path home = Path.of(arguments[0]);
    DatabaseSettings settings = DatabaseSettings.of(home, name -> null);
    try (HikariDataSource dataSource = CatalogConfiguration.open(settings, home)) {
      System.out.print(dataSource.isRunning() ? "o" : "x");
      System.out.flush();
      for (int i = 1; System.in.read() >= 0; i++) {
        try (Connection connection = dataSource.getConnection();
            Statement statement = connection.createStatement()) {
          statement.execute("create table if not exists committed (no integer)");
          connection.setAutoCommit(false);
          statement.execute("insert into committed values (" + i + ")");
          connection.commit();
        }
        System.out.print("c");
        System.out.flush();
      }
    }
  }
}
