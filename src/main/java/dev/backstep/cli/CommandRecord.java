package dev.backstep.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/**
 * What one command leaves in the audit trail: its row is there before it changes anything, and has
 * its result at its end, so that a command that was killed has a row, too.
 */
final class CommandRecord {

  /** Options that name what a command is about. */
  private static final Set<String> SUBJECTS = Set.of("--onto-vm");

  private final Effect.@Nullable Kind effect;
  private final String action;
  private Optional<IntConsumer> begun = Optional.empty();
  private Optional<Integer> refused = Optional.empty();

  private CommandRecord(Effect.@Nullable Kind effect, String action) {
    this.effect = effect;
    this.action = action;
  }

  /** Of what was typed: the verb, what it is about, and the names of options. */
  static CommandRecord of(ParseResult parsed) {
    ParseResult last = parsed;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    CommandSpec spec = last.commandSpec();
    return new CommandRecord(effect(spec), action(last));
  }

  /** What a command declares; null when it declares nothing. */
  static Effect.@Nullable Kind effect(CommandSpec spec) {
    Effect effect = spec.userObject().getClass().getAnnotation(Effect.class);
    return effect == null ? null : effect.value();
  }

  /**
   * Values of other options are left out: a command to run or a target's address may hold a
   * password.
   */
  private static String action(ParseResult parsed) {
    List<String> words = new ArrayList<>();
    words.add(parsed.commandSpec().qualifiedName().replaceFirst("^backstep ", ""));
    parsed.matchedPositionals().stream()
        .distinct()
        .flatMap(positional -> positional.originalStringValues().stream())
        .forEach(words::add);
    parsed.matchedOptions().stream()
        .filter(option -> !option.inherited())
        .distinct()
        .forEach(option -> {
          words.add(option.longestName());
          if (SUBJECTS.contains(option.longestName())) {
            words.addAll(option.originalStringValues());
          }
        });
    return words.stream().map(BackupText::printable).collect(Collectors.joining(" "));
  }

  /**
   * Puts the command on record, once, before it changes anything.
   *
   * @throws IllegalStateException when it does not declare that it changes something
   */
  void begin(Engine engine) {
    if (effect != Effect.Kind.CHANGE) {
      throw new IllegalStateException(action + ": declares no change, and makes one");
    }
    if (begun.isEmpty()) {
      begun = Optional.of(engine.record(action));
    }
  }

  /**
   * @param httpStatus what a server would have answered in the place of the error
   */
  void refused(int httpStatus) {
    refused = Optional.of(httpStatus);
  }

  /** Puts the result on record, where there is a row. */
  void end(int exitCode) {
    begun.ifPresent(row -> row.accept(refused.orElseGet(() -> ExitCode.httpStatus(exitCode))));
  }
}
