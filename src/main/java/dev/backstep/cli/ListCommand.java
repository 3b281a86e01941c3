package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.DidYouMean;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "list",
    description =
        "Lists backups, newest first, whatever their status; those COMPLETED can be restored.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ListCommand implements Callable<Integer> {

  private final Session session;
  private final CommandOptions options;

  @Option(names = "--vm", paramLabel = "VM", description = "Only this VM's.")
  private @Nullable String vm;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "At most so many. Default: ${DEFAULT-VALUE}.")
  private int limit = 10_000;

  @Option(
      names = "--disks",
      description = "A line per disk backup, oldest first: levels, reasons, change ids, images.")
  private boolean disks;

  @Option(
      names = "--repository",
      paramLabel = "DIR",
      description = {
        "The restore points of this repository by its own files alone:",
        "no database is asked, as after it was lost."
      })
  private @Nullable Path repository;

  ListCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() throws IOException {
    if (limit < 1) {
      throw OperatorException.usage("--limit is " + limit + "; expected at least 1", null);
    }
    if (repository != null) {
      return new HeldPoints(session).print(repository, Optional.ofNullable(vm), limit);
    }
    Engine engine = session.catalog();
    List<BackupRow> backups = engine.list(Optional.ofNullable(vm), limit);
    if (backups.isEmpty() && vm != null && !engine.vmNames().contains(vm)) {
      throw unknown(engine, vm);
    }
    session.terminal().result(options.json() ? BackupDocument.json(backups) : text(backups));
    return 0;
  }

  private String text(List<BackupRow> backups) {
    if (disks && !backups.isEmpty()) {
      return DiskHistory.table(backups);
    }
    return backups.isEmpty()
        ? "no backups yet"
        : new BackupText(session.clock().getZone()).table(backups);
  }

  static OperatorException unknown(Engine engine, String vm) {
    return OperatorException.notFound(
        "no backup of a VM named '" + vm + "'" + DidYouMean.hint(vm, engine.vmNames()));
  }
}
