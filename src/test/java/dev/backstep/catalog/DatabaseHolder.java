package dev.backstep.catalog;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.nio.file.Path;

/** A process that holds the embedded database of a home folder until its input ends. */
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

  static void main(String[] arguments) throws IOException {
    Path home = Path.of(arguments[0]);
    DatabaseSettings settings = DatabaseSettings.of(home, name -> null);
    try (HikariDataSource dataSource = CatalogConfiguration.open(settings, home)) {
      System.out.print(dataSource.isRunning() ? "o" : "x");
      System.out.flush();
      while (System.in.read() >= 0) {
        continue;
      }
    }
  }
}
