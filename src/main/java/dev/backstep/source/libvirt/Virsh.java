package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * libvirt through its command line program: a process a call, nothing native in this one. virsh
 * tells errors as texts only; with {@code LC_ALL=C} their beginnings are those of libvirt's error
 * numbers.
 */
final class Virsh implements HypervisorControl {

  private final String uri;
  private final Path folder;
  private final Duration limit;

  /**
   * @param folder for files that are gone when a call returns
   */
  Virsh(String uri, Path folder) {
    this(uri, folder, Controls.LIMIT);
  }

  /**
   * @param limit how long a call may take
   */
  Virsh(String uri, Path folder, Duration limit) {
    this.uri = uri;
    this.folder = folder;
    this.limit = limit;
  }

  @Override
  public List<String> domains() throws SourceException {
    return lines(call("list", "--all", "--uuid"));
  }

  @Override
  public String definition(String domain, View view) throws SourceException {
    return view == View.LIVE
        ? call("dumpxml", "--domain", domain)
        : call("dumpxml", "--inactive", "--domain", domain);
  }

  @Override
  public void define(String xml) throws SourceException {
    withFile(xml, file -> call("define", "--file", file));
  }

  @Override
  public State state(String uuid) throws SourceException {
    String said = call("domstate", "--reason", "--domain", uuid).strip();
    if (said.equals("paused (I/O error)")) {
      return State.PAUSED_IO_ERROR;
    }
    return switch (said.replaceFirst(" \\(.*", "")) {
      case "running", "idle" -> State.RUNNING;
      case "paused", "pmsuspended" -> State.PAUSED;
      case "shut off", "crashed" -> State.SHUT_OFF;
      default -> State.CHANGING;
    };
  }

  @Override
  public Optional<String> backupJob(String uuid) throws SourceException {
    try {
      return Optional.of(call("backup-dumpxml", "--domain", uuid));
    } catch (ControlException e) {
      return switch (e.why()) {
        case NO_BACKUP_JOB, INACTIVE -> Optional.empty();
        default -> throw e;
      };
    }
  }

  @Override
  public Optional<String> operation(String uuid) throws SourceException {
    Map<String, String> info;
    try {
      info = fields(call("domjobinfo", "--domain", uuid));
    } catch (ControlException e) {
      if (e.why() == ControlException.Why.INACTIVE) {
        return Optional.empty();
      }
      throw e;
    }
    return info.getOrDefault("Job type", "None").equals("None")
        ? Optional.empty()
        : Optional.of(info.getOrDefault("Operation", "unknown"));
  }

  private static Map<String, String> fields(String output) {
    Map<String, String> fields = new LinkedHashMap<>();
    output
        .lines()
        .map(line -> line.split(":", 2))
        .filter(parts -> parts.length == 2)
        .forEach(parts -> fields.put(parts[0].strip(), parts[1].strip()));
    return fields;
  }

  @Override
  public void begin(String uuid, String backup, Optional<String> checkpoint)
      throws SourceException {
    withFile(
        backup,
        job -> {
          if (checkpoint.isEmpty()) {
            call("backup-begin", "--domain", uuid, "--backupxml", job);
            return;
          }
          withFile(
              checkpoint.get(),
              mark ->
                  call(
                      "backup-begin",
                      "--domain",
                      uuid,
                      "--backupxml",
                      job,
                      "--checkpointxml",
                      mark));
        });
  }

  @Override
  public void abort(String uuid) throws SourceException {
    try {
      call("domjobabort", "--domain", uuid);
    } catch (ControlException e) {
      if (e.why() != ControlException.Why.NO_JOB && e.why() != ControlException.Why.INACTIVE) {
        throw e;
      }
    }
  }

  @Override
  public void resume(String uuid) throws SourceException {
    call("resume", "--domain", uuid);
  }

  @Override
  public List<String> checkpoints(String uuid) throws SourceException {
    return lines(call("checkpoint-list", "--name", "--domain", uuid));
  }

  private static List<String> lines(String output) {
    return output.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
  }

  @Override
  public String checkpoint(String uuid, String name, boolean withDomain) throws SourceException {
    return withDomain
        ? call("checkpoint-dumpxml", "--domain", uuid, "--checkpointname", name)
        : call("checkpoint-dumpxml", "--no-domain", "--domain", uuid, "--checkpointname", name);
  }

  @Override
  public void redefineCheckpoint(String uuid, String xml) throws SourceException {
    withFile(
        xml, file -> call("checkpoint-create", "--redefine", "--domain", uuid, "--xmlfile", file));
  }

  @Override
  public void deleteCheckpoint(String uuid, String name) throws SourceException {
    call("checkpoint-delete", "--domain", uuid, "--checkpointname", name);
  }

  @Override
  public void forgetCheckpoint(String uuid, String name) throws SourceException {
    call("checkpoint-delete", "--metadata", "--domain", uuid, "--checkpointname", name);
  }

  @Override
  public Map<DiskKey, Long> capacities(String uuid) throws SourceException {
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (String line : call("domblkinfo", "--all", "--domain", uuid).lines().toList()) {
      String[] words = line.strip().split("\\s+");
      if (words.length >= 2 && words[1].matches("[0-9]+")) {
        sizes.put(new DiskKey(words[0]), Long.parseLong(words[1]));
      }
    }
    return sizes;
  }

  @Override
  public void freeze(String uuid) throws SourceException {
    call("domfsfreeze", "--domain", uuid);
  }

  @Override
  public void thaw(String uuid) throws SourceException {
    call("domfsthaw", "--domain", uuid);
  }

  @Override
  public LastWill thawShouldWeDie(String uuid) throws SourceException {
    return LastWill.of(command("domfsthaw", "--domain", uuid));
  }

  private interface WithFile {
    void use(String file) throws SourceException;
  }

  private void withFile(String xml, WithFile use) throws SourceException {
    Path file = null;
    try {
      file = Files.createTempFile(folder, "virsh-", ".xml");
      Files.writeString(file, xml);
      use.use(file.toString());
    } catch (SourceException e) {
      throw e;
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, folder + ": no file can be made in it: " + e, e);
    } finally {
      if (file != null) {
        file.toFile().delete();
      }
    }
  }

  private String call(String... words) throws SourceException {
    ToolRunner.Result result =
        ToolRunner.run(limit, SourceException.Kind.UNREACHABLE, command(words));
    if (result.failed()) {
      String said = result.errors().replace("error: ", "").strip();
      ControlException.Why why = ControlException.Why.of(said);
      throw new ControlException(why, words[0] + " at " + uri + ": " + said);
    }
    return result.output();
  }

  private List<String> command(String... words) {
    List<String> command = new ArrayList<>(List.of("virsh", "-q", "-c", uri));
    command.addAll(List.of(words));
    return command;
  }
}
