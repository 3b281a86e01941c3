package dev.backstep.cli;

import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.definition.JobFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
    name = "doctor",
    description = {
      "Checks what backups need: Java, home, database, job definitions, their disks and",
      "repositories, and runs that need an operator. Changes nothing."
    },
    exitCodeList = {"0:all is well", "1:something needs attention", ExitCode.USAGE})
final class DoctorCommand implements Callable<Integer> {

  private static final long FREE_BYTES_MIN = 1L << 30;

  private final Session session;
  private final CommandOptions options;
  private final List<Finding> findings = new ArrayList<>();

  private record Finding(boolean good, String what, String text) {}

  /** Looks at one thing and says what it found. */
  private interface Check {
    String run() throws IOException;
  }

  DoctorCommand(Session session) {
    this.session = session;
    this.options = session.options();
  }

  @Override
  public Integer call() {
    check("java", () -> Runtime.version() + " in " + System.getProperty("java.home"));
    check("home", () -> options.home().toString());
    check("database", this::database);
    JobFolder.Content jobs = options.jobFolder().read();
    jobs.broken().forEach(broken -> add(false, "definition", broken.getMessage()));
    jobs.byVmName().values().forEach(this::definition);
    if (jobs.byVmName().isEmpty() && jobs.broken().isEmpty()) {
      Path folder = options.jobFolder().folder().toAbsolutePath().normalize();
      add(true, "definitions", "none in " + folder + "; --jobs names another folder");
    }
    print();
    return findings.stream().allMatch(Finding::good) ? 0 : 1;
  }

  private String database() throws IOException {
    Engine engine = session.catalog();
    List<String> dead =
        engine.list(Optional.empty(), 1000).stream()
            .filter(row -> row.status() == Status.RUNNING)
            .filter(row -> !engine.ownerAlive(row))
            .map(row -> row.id().value())
            .toList();
    if (!dead.isEmpty()) {
      throw new IOException(
          "the process that ran " + dead + " died; `backstep executions recover` each");
    }
    return "opened; " + engine.vmNames().size() + " VMs known";
  }

  private void definition(JobFolder.Entry entry) {
    JobDefinition definition = entry.definition();
    add(true, "definition", BackupText.printable(definition.vmName()) + " in " + entry.file());
    check("repository", () -> repository(Path.of(definition.repository())));
    if (definition.source().type().equals("image")) {
      definition
          .source()
          .disks()
          .forEach(disk -> check("disk " + disk.key(), () -> image(Path.of(disk.location()))));
    }
  }

  private static String repository(Path folder) throws IOException {
    Path there = folder;
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    if (!Files.isDirectory(there) || !Files.isWritable(there)) {
      throw new IOException(folder + ": " + there + " is not a folder that can be written");
    }
    long free = Files.getFileStore(there).getUsableSpace();
    if (free < FREE_BYTES_MIN) {
      throw new IOException(folder + ": only " + Sizes.bytes(free) + " free");
    }
    return folder + ", " + Sizes.bytes(free) + " free";
  }

  private static String image(Path image) throws IOException {
    if (!Files.isReadable(image)) {
      throw new IOException(
          image + (Files.exists(image) ? ": cannot be read" : ": there is no such file"));
    }
    return image.toString();
  }

  private void check(String what, Check check) {
    try {
      add(true, what, check.run());
    } catch (IOException | RuntimeException e) {
      add(false, what, ExitCode.of(e).text());
    }
  }

  private void add(boolean good, String what, String text) {
    findings.add(new Finding(good, what, text));
  }

  private void print() {
    if (options.json()) {
      session.terminal().result(BackupDocument.text(findings.stream().map(this::fields).toList()));
      return;
    }
    findings.forEach(finding ->
        session
            .terminal()
            .result(
                (finding.good() ? "ok    " : "FAIL  ") + finding.what() + ": " + finding.text()));
  }

  private Map<String, Object> fields(Finding finding) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ok", finding.good());
    fields.put("what", finding.what());
    fields.put("text", finding.text());
    return fields;
  }
}
