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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code docs/reliability.md} is what {@code ops/reliability} makes, of every suite. */
class ReliabilityPageTests {

  private static final Path PAGE = Path.of("docs", "reliability.md");
  private static final Pattern RUN =
      Pattern.compile(
          "Run of \\d{4}-\\d\\d-\\d\\d, commit [0-9a-f]{12}\\. Made by `ops/reliability`; nothing"
              + " here is written by hand\\.");
  private static final Pattern PROPERTY =
      Pattern.compile("-D((?!it\\.|surefire\\.)[a-z]+\\.[a-z.]+)=");
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

  /** What the product is said to have been through, however the page was made. */
  @ParameterizedTest
  @CsvSource({
    "CrashPointsIT, points, 400",
    "MoverCrashPointsIT, points, 50",
    "Qcow2PowerCutIT, points, 50",
    "ErrorMatrixIT, cases, 200",
    "MoverErrorMatrixIT, cases, 100",
    "KillIT, kills, 50",
    "KillVerbsIT, kills, 50",
    "MoversIT, rounds, 200",
    "FrozenServerIT, sleeps, 50",
    "VerifyIT, bits flipped, 2000",
    "FuzzCorpusIT, inputs taken or refused, 500",
    "EnduranceIT, days, 366"
  })
  void showsAtLeastTheLoopsThatAreSpokenOf(String suite, String what, long least)
      throws IOException {
    assertThat(numbers(suite, what).mapToLong(Long::parseLong).sum()).isGreaterThanOrEqualTo(least);
  }

  @Test
  void everyBitThatWasFlippedWasFound() throws IOException {
    assertThat(numbers("VerifyIT", "bits found").toList())
        .isEqualTo(numbers("VerifyIT", "bits flipped").toList());
  }

  @Test
  void everySuiteIsAClassOfTests() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("src", "test", "java"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsAll(Stream.of(Suite.values()).map(suite -> suite.test() + ".java").toList());
    }
  }

  @Test
  void makerSetsNothingThatNoTestReads() throws IOException {
    List<String> set =
        PROPERTY
            .matcher(Files.readString(Path.of("ops", "reliability")))
            .results()
            .map(match -> match.group(1))
            .toList();
    StringBuilder tests = new StringBuilder();
    try (Stream<Path> files = Files.walk(Path.of("src", "test", "java"))) {
      for (Path file : files.filter(one -> one.toString().endsWith("IT.java")).toList()) {
        tests.append(Files.readString(file));
      }
    }

    assertThat(set)
        .contains("kill.rounds", "kill.verb.rounds", "crash.every", "endurance.hours")
        .allSatisfy(name -> assertThat(tests).contains("(\"" + name + "\""));
  }

  private static Stream<String> numbers(String suite, String what) throws IOException {
    return Files.readAllLines(PAGE).stream()
        .dropWhile(line -> !line.equals("## " + suite))
        .skip(1)
        .takeWhile(line -> !line.startsWith("## "))
        .map(line -> line.split(" \\| | \\|$"))
        .filter(cells -> cells.length == 3 && cells[1].equals(what))
        .map(cells -> cells[2]);
  }
}
