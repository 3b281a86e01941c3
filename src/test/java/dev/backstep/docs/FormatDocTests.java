package dev.backstep.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.Reason;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code docs/format.md} names every field of the repository's files. */
class FormatDocTests {

  @ParameterizedTest
  @CsvSource({"## Manifest,DiskManifest", "## Restore point,RestorePoint", "## Restore point,Disk"})
  void namesEveryField(String heading, String type) throws IOException {
    String section = section(heading);
    Class<?> record =
        Stream.of(DiskManifest.class, RestorePoint.class, RestorePoint.Disk.class)
            .filter(candidate -> candidate.getSimpleName().equals(type))
            .findFirst()
            .orElseThrow();

    assertThat(record.getRecordComponents())
        .isNotEmpty()
        .allSatisfy(field -> assertThat(section).contains("`" + snakeCase(field.getName())));
  }

  @Test
  void namesEveryReason() throws IOException {
    assertThat(Reason.values())
        .allSatisfy(reason -> assertThat(section("## Manifest")).contains("`" + reason + "`"));
  }

  @Test
  void isThePageOfTheFormatThatIsWritten() throws IOException {
    assertThat(page())
        .startsWith("# The repository's format, version " + Repository.FORMAT_MAX + "\n");
  }

  private static String snakeCase(String name) {
    return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  private static String section(String heading) throws IOException {
    String page = page();
    int start = page.indexOf(heading + "\n");
    int end = page.indexOf("\n## ", start + 1);
    return start < 0 ? "" : page.substring(start, end);
  }

  private static String page() throws IOException {
    return Files.readString(Path.of("docs", "format.md"));
  }
}
