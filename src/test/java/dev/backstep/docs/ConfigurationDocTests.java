package dev.backstep.docs;

import static dev.backstep.docs.CommandHelp.OPTION;
import static dev.backstep.docs.CommandHelp.options;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/configuration.md} names the commands, options and exit codes that the program knows,
 * and nothing else. {@link DefinitionDocTests} and {@link SettingDocTests} do so for the rest.
 */
class ConfigurationDocTests {

  private static final String EVERY_COMMAND = "Every command";
  private static final Pattern WORDS = Pattern.compile("`([a-z-]+(?: [a-z-]+)*)");

  @Test
  void hasNoSectionThatNothingCompares() {
    Set<String> commands = new LinkedHashSet<>();
    CommandHelp.commands().forEach(command -> commands.add(String.join(" ", command)));
    commands.remove("repository"); // alone it only says which verbs it has
    Set<String> compared = new TreeSet<>(DefinitionDocTests.SECTIONS);

    assertThat(ConfigurationPage.headings(2))
        .containsExactly(
            "Job definitions", "Server settings", "Environment", "Commands", "Exit codes");
    assertThat(ConfigurationPage.headings(3))
        .containsAll(compared)
        .filteredOn(heading -> !compared.contains(heading) && !heading.equals(EVERY_COMMAND))
        .flatMap(ConfigurationDocTests::named)
        .containsExactlyInAnyOrderElementsOf(commands);
  }

  private static List<String> named(String heading) {
    List<String> names =
        WORDS.matcher(heading).results().map(result -> result.group(1).strip()).toList();
    assertThat(names).as(heading).isNotEmpty();
    return names;
  }

  @Test
  void namesEveryCommandWithItsOptions() {
    Set<String> common = options(CommandHelp.text("list", "--help"));
    common.retainAll(options(CommandHelp.text()));
    List<List<String>> commands = CommandHelp.commands();

    assertThat(commands).contains(List.of("serve-nbd"), List.of("executions", "stuck"));
    assertThat(ConfigurationPage.codes(EVERY_COMMAND, OPTION)).isEqualTo(common);
    for (List<String> command : commands) {
      String name = String.join(" ", command);
      Set<String> own = command.equals(List.of("help")) ? Set.of() : own(command, common);
      assertThat(ConfigurationPage.codes("`" + name, OPTION)).as(name).isEqualTo(own);
    }
  }

  @Test
  void namesEveryExitCode() {
    Set<String> codes = CommandHelp.exitCodes();

    assertThat(codes).contains("0", "130");
    assertThat(
            ConfigurationPage.section("Exit codes")
                .lines()
                .filter(line -> line.matches("\\| \\d+ \\|.*"))
                .map(line -> line.split(" ")[1]))
        .containsExactlyInAnyOrderElementsOf(codes);
  }

  private static Set<String> own(List<String> command, Set<String> common) {
    List<String> arguments = new ArrayList<>(command);
    arguments.add("--help");
    Set<String> own = options(CommandHelp.text(arguments.toArray(String[]::new)));
    own.removeAll(common);
    return own;
  }
}
