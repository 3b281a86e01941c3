package dev.backstep.cli;

import dev.backstep.cli.ExitCode.Verdict;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.definition.DidYouMean;
import java.io.PrintWriter;
import java.lang.reflect.Constructor;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line: parses, runs one command, turns every error into one line and a code. */
public final class CommandLineProgram {

  private final Session session;
  private final Terminal terminal;

  /**
   * @param starter called at most once, and only by a command that needs an engine
   * @param serverStarter called at most once, by the command that serves
   */
  public CommandLineProgram(
      Terminal terminal,
      Engine.Starter starter,
      Server.Starter serverStarter,
      Stopping stopping,
      Clock clock) {
    this.terminal = terminal;
    this.session = new Session(terminal, starter, serverStarter, stopping, clock);
  }

  /** Runs one command to its end, its engine's included; returns the exit code. */
  public int run(String... args) {
    int code = commandLine().execute(args);
    try {
      session.end(code);
    } catch (RuntimeException e) {
      terminal.error(
          "backstep: the command's row in the table audit lacks the result: "
              + ExitCode.of(e).text());
    }
    try {
      session.close();
    } catch (RuntimeException e) {
      terminal.error("backstep: after the command: " + ExitCode.of(e).text());
      return code == 0 ? Kind.FAILED.exitCode() : code;
    }
    return code;
  }

  CommandLine commandLine() {
    CommandLine line =
        new CommandLine(BackstepCommand.class, this::command)
            .setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8))
            .setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8))
            .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
            .setExecutionStrategy(this::execute)
            .setParameterExceptionHandler(this::badUsage)
            .setExecutionExceptionHandler(this::failed);
    configure(line);
    return line;
  }

  private <T> T command(Class<T> type) throws Exception {
    for (Constructor<?> constructor : type.getDeclaredConstructors()) {
      if (List.of(constructor.getParameterTypes()).equals(List.of(Session.class))) {
        return type.cast(constructor.newInstance(session));
      }
    }
    return CommandLine.defaultFactory().create(type);
  }

  private static void configure(CommandLine line) {
    CommandSpec spec = line.getCommandSpec();
    spec.mixinStandardHelpOptions(true);
    spec.version("backstep " + Version.text());
    spec.usageMessage()
        .synopsisHeading("Usage: ")
        .exitCodeListHeading("%nExit codes:%n")
        .commandListHeading("%nCommands:%n")
        .sortOptions(false)
        .width(100);
    line.getSubcommands().values().forEach(CommandLineProgram::configure);
  }

  private int badUsage(ParameterException e, String... args) {
    String name = e.getCommandLine().getCommandSpec().qualifiedName();
    terminal.error(name + ": " + oneLine(e.getMessage()) + hint(e) + "; see " + name + " --help");
    return Kind.USAGE.exitCode();
  }

  private static String hint(ParameterException e) {
    return e instanceof UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()
        ? DidYouMean.hint(unmatched.getUnmatched().getFirst(), words(e.getCommandLine()))
        : "";
  }

  /** The words that could stand where an unknown one does. */
  private static List<String> words(CommandLine line) {
    List<String> words = new ArrayList<>(line.getSubcommands().keySet());
    line.getCommandSpec().options().forEach(option -> words.add(option.longestName()));
    return words;
  }

  private int execute(CommandLine.ParseResult parsed) {
    session.begin(CommandRecord.of(parsed));
    return new CommandLine.RunLast().execute(parsed);
  }

  private int failed(Exception e, CommandLine line, CommandLine.@Nullable ParseResult parsed) {
    Verdict verdict = ExitCode.of(e);
    session.record().refused(verdict.httpStatus());
    boolean verbose = parsed != null && isVerbose(parsed);
    String hint = verdict.expected() || verbose ? "" : "; --verbose shows where";
    terminal.error("backstep: " + verdict.text() + hint);
    if (verbose) {
      e.printStackTrace(terminal.err());
    }
    return verdict.code();
  }

  private static boolean isVerbose(CommandLine.ParseResult parsed) {
    return parsed.asCommandLineList().stream()
        .map(CommandLine::getParseResult)
        .anyMatch(result -> result.hasMatchedOption("--verbose"));
  }

  private static String oneLine(@Nullable String text) {
    return String.valueOf(text).replaceAll("\\s+", " ").strip();
  }
}
