package dev.backstep.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Reads the sources and says what to do instead. */
class TidyTests {

  private static final Path MAIN = Path.of("src/main/java");
  private static final Path TEST = Path.of("src/test/java");
  private static final int LINES_MAX = 400;

  private static final Pattern PRINTING = Pattern.compile("\\bSystem\\.(out|err)\\b");
  private static final Pattern STACK_TRACE = Pattern.compile("\\.printStackTrace\\(\\)");
  private static final Pattern LEFTOVER = Pattern.compile("\\b(TO" + "DO|FIX" + "ME|X" + "XX)\\b");
  private static final Pattern INTERRUPT =
      Pattern.compile("\\.shutdownNow\\(|\\.cancel\\(\\s*true\\s*\\)|\\.interrupt\\(\\)");

  /** An IllegalStateException around another is a bug of ours, not something that was refused. */
  private static final Pattern THROW_WITHOUT_MESSAGE =
      Pattern.compile(
          "throw new"
              + " (?!IllegalStateException\\(e\\))\\w+\\(\\s*(e|cause|null|\\w*[eE]x(ception)?)?\\s*\\)\\s*;");

  private static final Pattern EMPTY_CATCH = Pattern.compile("catch \\([^)]*\\) \\{\\s*\\}");
  private static final Pattern VAGUE_NAME =
      Pattern.compile("\\b(?:class|interface|record|enum) \\w*(?:Manager|Helper|Utils?|Impl)\\b");

  /** Packages of file and wire formats, where each refusal says what it found and expected. */
  private static final List<String> FORMATS = List.of("qcow2", "nbd", "repository", "blockio");

  @Test
  void onlyTheCommandLinePrints() {
    assertThat(offences(MAIN, PRINTING, file -> !in(file, "cli") && !isMain(file)))
        .as("hand the text to the caller, or log it; standard output belongs to cli")
        .isEmpty();
    assertThat(offences(MAIN, STACK_TRACE, file -> !in(file, "cli")))
        .as("let the exception go up, or log it with the logger")
        .isEmpty();
  }

  @Test
  void nothingIsLeftForLater() {
    assertThat(offences(MAIN, LEFTOVER, file -> true)).as("finish it, or open an issue").isEmpty();
    assertThat(offences(TEST, LEFTOVER, file -> true)).as("finish it, or open an issue").isEmpty();
  }

  @Test
  void noThreadIsInterrupted() {
    assertThat(offences(MAIN, INTERRUPT, file -> true))
        .as(
            "an interrupt closes files, sockets and databases: use a flag, shutdown(),"
                + " cancel(false)")
        .isEmpty();
  }

  @Test
  void formatsSayWhatTheyRefuse() {
    assertThat(
            offences(
                MAIN, THROW_WITHOUT_MESSAGE, file -> FORMATS.stream().anyMatch(f -> in(file, f))))
        .as("say where, what was found, what was expected and what to do")
        .isEmpty();
  }

  @Test
  void noExceptionIsDroppedSilently() {
    assertThat(offences(MAIN, EMPTY_CATCH, file -> true))
        .as("handle it, or say in a comment why nothing is to be done")
        .isEmpty();
  }

  @Test
  void namesSayWhatAThingIs() {
    assertThat(offences(MAIN, VAGUE_NAME, file -> true))
        .as("name the noun that a storage engineer would say aloud")
        .isEmpty();
  }

  @Test
  void everyPackageIsDescribedAndNullMarked() {
    List<Path> folders =
        Stream.of(MAIN, TEST)
            .flatMap(root -> sources(root).stream())
            .map(Path::getParent)
            .distinct()
            .toList();

    assertThat(folders)
        .hasSizeGreaterThan(8)
        .allSatisfy(folder -> {
          Path info = folder.resolve("package-info.java");
          Path ofMain = MAIN.resolve(folder.subpath(3, folder.getNameCount()));
          Path described = Files.exists(info) ? info : ofMain.resolve("package-info.java");
          assertThat(described).exists();
          assertThat(read(described)).contains("@NullMarked", "/**");
        });
  }

  @Test
  void filesStaySmall() {
    List<String> large =
        sources(MAIN).stream()
            .filter(file -> read(file).lines().count() >= LINES_MAX)
            .map(Path::toString)
            .toList();

    assertThat(large)
        .as("look for the second idea in it; " + LINES_MAX + " lines are too many")
        .isEmpty();
  }

  /** Lines of sources that match, comments and strings included, as {@code file:line: text}. */
  private static List<String> offences(Path root, Pattern pattern, Predicate<Path> where) {
    List<String> found = new ArrayList<>();
    for (Path file : sources(root)) {
      if (where.test(file)) {
        String text = read(file);
        pattern
            .matcher(text)
            .results()
            .forEach(match -> {
              long line = text.substring(0, match.start()).lines().count();
              found.add(file + ":" + Math.max(1, line) + ": " + match.group());
            });
      }
    }
    return found;
  }

  private static boolean in(Path file, String packageName) {
    return file.startsWith(MAIN.resolve("dev/backstep").resolve(packageName));
  }

  private static boolean isMain(Path file) {
    return file.equals(MAIN.resolve("dev/backstep/Backstep.java"));
  }

  private static List<Path> sources(Path root) {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
