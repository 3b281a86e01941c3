package dev.backstep.docs;

import dev.backstep.cli.CommandLineProgram;
import dev.backstep.cli.Stopping;
import dev.backstep.cli.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What the command line says of itself. */
final class CommandHelp {

  static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");

  private static final Pattern COMMAND = Pattern.compile("(?m)^  ([a-z-]+) {2,}\\S");

  private CommandHelp() {}

  /** Every command and every verb of one, in the words that are typed. */
  static List<List<String>> commands() {
    return commands(List.of(), text());
  }

  private static List<List<String>> commands(List<String> path, String help) {
    List<List<String>> found = new ArrayList<>();
    int start = help.indexOf("Commands:");
    if (start >= 0) {
      COMMAND
          .matcher(help.substring(start))
          .results()
          .forEach(result -> {
            List<String> command = new ArrayList<>(path);
            command.add(result.group(1));
            found.add(command);
            List<String> arguments = new ArrayList<>(command);
            arguments.add("--help");
            if (!command.equals(List.of("help"))) {
              found.addAll(commands(command, text(arguments.toArray(String[]::new))));
            }
          });
    }
    return found;
  }

  /** The text of {@code --help}; without arguments that of the program. */
  static String text(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    Terminal terminal = new Terminal(stream, stream, false, 100);
    String[] words = arguments.length == 0 ? new String[] {"--help"} : arguments;
    new CommandLineProgram(
            terminal,
            (home, runsJobs, verbose) -> {
              throw new AssertionError("help starts nothing");
            },
            (settings, stopped, tell) -> {
              throw new AssertionError("help starts nothing");
            },
            new Stopping(),
            Clock.systemUTC())
        .run(words);
    return out.toString(StandardCharsets.UTF_8);
  }

  /** The exit codes that the program's own help names. */
  static Set<String> exitCodes() {
    Set<String> codes = new TreeSet<>();
    Pattern.compile("(?m)^  ([0-9]+) {2,}")
        .matcher(text())
        .results()
        .forEach(result -> codes.add(result.group(1)));
    return codes;
  }

  /** The options that a help text explains: those that begin a line. */
  static Set<String> options(String help) {
    return help.lines()
        .filter(line -> line.matches(" +-.*"))
        .flatMap(line -> ConfigurationPage.matches(line, OPTION).stream().limit(1))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
