package dev.backstep.job.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts that are no definition, and those that were written to do harm. */
class HostileTextTests {

  private static String message(String yaml) {
    return catchThrowableOfType(JobDefinitionException.class, () -> JobDefinitions.read(yaml))
        .getMessage();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "   \n",
        "---\n",
        "# only a comment\n",
        "a\n---\nb\n",
        "- vm: a\n",
        "\0",
        "\u0007"
      })
  void refusesWhatIsNoDefinition(String text) {
    assertThat(message(text)).isNotBlank();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "!!javax.script.ScriptEngineManager [!!java.net.URL [\"http://localhost/\"]]",
        "vm: &a [*a]",
        "&a { vm: *a, source: *a, repository: *a }"
      })
  void isNotMovedByHostileYaml(String text) {
    assertThat(message(text)).isNotBlank();
  }

  @Test
  void refusesNestingAndAliasesBeyondReason() {
    StringBuilder bomb = new StringBuilder("a0: &a0 [x]\n");
    for (int line = 1; line < 40; line++) {
      bomb.append(
          "a%d: &a%d [*a%d,*a%d,*a%d]\n".formatted(line, line, line - 1, line - 1, line - 1));
    }

    assertThat(message("vm: " + "[".repeat(100_000))).contains("not YAML");
    assertThat(message(bomb.toString())).contains("not YAML");
    assertThat(message("x".repeat((1 << 20) + 1))).contains("at most 1048576");
  }
}
