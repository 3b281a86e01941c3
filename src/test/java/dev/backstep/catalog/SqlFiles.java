package dev.backstep.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The statements that administrators find in {@code ops/sql}, one a file. */
final class SqlFiles {

  private static final Path FOLDER = Path.of("ops", "sql");

  private SqlFiles() {}

  static List<Path> all() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(".sql")).sorted().toList();
    }
  }

  /** The statement, with these names in the place of the file's examples. */
  static String statement(Path file, String vmName, String backup) throws IOException {
    String text =
        Files.readString(file)
            .replace("'backup-pgtest1-20261123-010000'", "'" + backup + "'")
            .replace("'pgtest1'", "'" + vmName + "'")
            .strip();
    assertThat(text).as(file.toString()).endsWith(";");
    return text.substring(0, text.length() - 1);
  }
}
