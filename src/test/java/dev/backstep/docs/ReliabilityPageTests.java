package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/reliability.md} is what {@code ops/reliability} makes, of every suite. */
class ReliabilityPageTests {

  private static final Path PAGE = Path.of("docs", "reliability.md");
  private static final Pattern RUN =
      Pattern.compile(
          "Run of \\d{4}-\\d\\d-\\d\\d, commit [0-9a-f]{12}\\. Made by `ops/reliability`; nothing"
              + " here is written by hand\\.");
  private static final Pattern ROW = Pattern.compile("\\| [^|]+ \\| [^|]+ \\| [^|]*\\d[^|]* \\|");

  @Test
  void namesEverySuiteInTheFormOfItsMaker() throws IOException {
    List<String> lines = Files.readAllLines(PAGE);

    assertThat(lines.getFirst()).isEqualTo("# What the faults came to");
    assertThat(lines.get(2)).matches(RUN);
    assertThat(lines.stream().filter(line -> line.startsWith("## ")))
        .containsExactlyElementsOf(
            Stream.of(Suite.values()).map(suite -> "## " + suite.test()).toList());
    for (Suite suite : Suite.values()) {
      int head = lines.indexOf("## " + suite.test());
      assertThat(lines.subList(head + 1, head + 6))
          .as("%s; make the page anew: ops/reliability", suite.test())
          .containsExactly("", suite.about(), "", "| part | what | number |", "|---|---|---|");
      assertThat(lines.get(head + 6)).matches(ROW);
    }
    assertThat(lines.subList(3, lines.size()))
        .as("lines that its maker does not write")
        .allMatch(line ->
            line.isEmpty()
                || line.startsWith("## ")
                || line.startsWith("* ")
                || line.startsWith("| part |")
                || line.startsWith("|---|")
                || ROW.matcher(line).matches()
                || Stream.of(Suite.values()).anyMatch(suite -> suite.about().equals(line)));
  }
}
