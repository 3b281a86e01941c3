package dev.backstep.cli;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.Look;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Selections;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobFolder;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.ToolRunner;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Effect(Effect.Kind.NONE)
@Command(
    name = "doctor",
    description = {
      "Checks what backups need; each line is ok or says what to do.",
      "Looks at Java, tools, home, database, job definitions with their disks and repositories,"
          + " and",
      "at backups that wait for an operator."
    },
    exitCodeList = {
      "0:all is well",
      "1:something needs attention",
      ExitCode.USAGE,
      ExitCode.NOT_FOUND
    })
final class DoctorCommand implements Callable<Integer> {

  private static final int LOOK_BACK_BACKUPS = 1000;

  /** What the sources start. */
  private static final List<String> TOOLS = List.of("qemu-img", "qemu-nbd", "setpriv");

  private static final Duration TOOL_LIMIT = Duration.ofSeconds(15);

  @Option(
      names = "--source",
      paramLabel = "VM",
      description = {
        "Looks only at the source of this VM, or of a job file:",
        "login, rights, disks, tracking, what is left there."
      })
  @Nullable String source;

  private final Session session;
  private final CommandOptions options;
  private final List<Finding> findings = new ArrayList<>();

  DoctorCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    if (source == null) {
      everything();
    } else {
      for (JobDefinition definition :
          new NamedDefinitions(session).of(List.of(source)).definitions()) {
        sourceOf(definition, BackupText.printable(definition.vmName()));
      }
    }
    print();
    return findings.stream().allMatch(Finding::good) ? 0 : 1;
  }

  private void everything() {
    check("java", () -> Runtime.version() + " in " + System.getProperty("java.home"));
    TOOLS.forEach(tool -> check(tool, () -> version(tool)));
    check("home", () -> FolderCheck.home(options.home()));
    if (check("database", () -> session.catalog().database())) {
      leftovers(session.catalog());
    }
    definitions(options.jobFolder());
  }

  private static String version(String tool) throws IOException {
    ToolRunner.Result result = ToolRunner.run(TOOL_LIMIT, List.of(tool, "--version"));
    if (result.failed()) {
      throw new IOException(tool + " --version ended with " + result.status());
    }
    return result.output().lines().findFirst().orElse("installed");
  }

  /** The newest backup of each VM, where it waits for somebody. */
  private void leftovers(Engine engine) {
    Set<String> seen = new HashSet<>();
    for (BackupRow row : engine.list(Optional.empty(), LOOK_BACK_BACKUPS)) {
      // What was given up asks for nothing and hides nothing.
      boolean newest = row.status() != Status.ABANDONED && seen.add(row.vmName());
      String id = row.id().value();
      if (row.status() == Status.RUNNING && !engine.ownerAlive(row)) {
        found(false, id, "its process died; run: backstep executions recover " + id);
      } else if (newest && (row.status() == Status.FAILED || row.status() == Status.STOPPED)) {
        String what = row.status() == Status.FAILED ? "failed" : "was stopped";
        found(false, id, what + "; run: backstep relaunch " + id + ", or back the VM up anew");
      }
    }
  }

  private void definitions(JobFolder folder) {
    JobFolder.Content jobs = folder.read();
    jobs.broken().forEach(this::broken);
    Look look = LocalSources.selections(options).look(jobs);
    jobs.byVmName().values().forEach(entry -> definition(entry, look));
    if (jobs.byVmName().isEmpty() && jobs.broken().isEmpty()) {
      Path where = folder.folder().toAbsolutePath().normalize();
      found(true, "definitions", "none in " + where + "; --jobs names another folder");
    }
  }

  private void broken(JobDefinitionException broken) {
    broken.getMessage().lines().forEach(line -> found(false, "definition", line));
  }

  private void definition(JobFolder.Entry entry, Look look) {
    JobDefinition definition = entry.definition();
    String vm = BackupText.printable(definition.vmName());
    found(true, "definition", vm + " in " + entry.file());
    check(vm + " repository", () -> FolderCheck.repository(Path.of(definition.repository())));
    if (definition.source().isSelection()) {
      selection(definition, vm, look);
    } else {
      sourceOf(definition, vm);
    }
    if (definition.immutable().isPresent()) {
      check(vm + " immutable", () -> FolderCheck.immutable(Path.of(definition.repository())));
    }
  }

  /** What it gives now, and what the backups of those VMs need. */
  private void selection(JobDefinition definition, String vm, Look look) {
    try {
      Selections.Selected selected = look.expand(definition);
      int count = selected.definitions().size();
      found(true, vm + " selection", count == 0 ? "no VM now" : selected.names());
      selected.leftOut().forEach(line -> found(true, vm + " selection", line));
      selected.unprotected().forEach(line -> found(false, vm + " selection", line));
      selected.definitions().forEach(one -> sourceOf(one, BackupText.printable(one.vmName())));
    } catch (OperatorException e) {
      found(false, vm + " selection", e.getMessage());
    }
  }

  /** Sources that examine themselves look at all that a backup needs. */
  private void sourceOf(JobDefinition definition, String vm) {
    for (SourceProvider provider : LocalSources.ALL) {
      if (definition.source().type().equals(provider.type())) {
        try {
          provider
              .open(definition.source(), options.home().resolve("run"))
              .examine(definition.exclude())
              .forEach(one -> found(one.good(), vm + " " + one.what(), one.text()));
        } catch (SourceException e) {
          found(false, vm + " source", String.valueOf(e.getMessage()));
        }
      }
    }
    for (DiskDefinition disk : definition.source().disks()) {
      boolean examined = definition.source().type().equals("qmp");
      if (!examined && !definition.exclude().contains(disk.key())) {
        check(
            vm + " disk " + BackupText.printable(disk.key().value()),
            () ->
                definition.source().type().equals("nbd")
                    ? DiskCheck.nbd(disk)
                    : DiskCheck.image(disk));
      }
    }
  }

  private boolean check(String what, Finding.Check check) {
    Finding finding = Finding.of(what, check);
    findings.add(finding);
    return finding.good();
  }

  private void found(boolean good, String what, String text) {
    findings.add(new Finding(good, what, text));
  }

  private void print() {
    session
        .terminal()
        .result(
            options.json()
                ? BackupDocument.text(findings.stream().map(DoctorCommand::fields).toList())
                : text());
  }

  private String text() {
    List<String> lines =
        findings.stream()
            .map(finding ->
                (finding.good() ? "ok    " : "FAIL  ")
                    + finding.what()
                    + ": "
                    + BackupText.printable(finding.text()))
            .toList();
    return String.join(System.lineSeparator(), lines);
  }

  private static Map<String, Object> fields(Finding finding) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ok", finding.good());
    fields.put("what", finding.what());
    fields.put("text", finding.text());
    return fields;
  }
}
