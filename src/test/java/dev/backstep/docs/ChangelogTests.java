package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Files of unreleased changes have the form by which a release gathers them. */
class ChangelogTests {

  @Test
  void everyParagraphIsALineThatBeginsWithItsKind() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("docs", "changelog", "unreleased"))) {
      assertThat(files.toList())
          .isNotEmpty()
          .allSatisfy(file ->
              assertThat(Files.readAllLines(file))
                  .as("%s", file)
                  .isNotEmpty()
                  .allMatch(line ->
                      line.isEmpty()
                          || line.matches("\\*\\*(New|Changed|Fixed|Removed)\\*\\*\\W.*")));
    }
  }
}
