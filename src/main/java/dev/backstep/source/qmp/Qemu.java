package dev.backstep.source.qmp;

import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** What a backup asks of a running QEMU. Not thread-safe; kept no longer than it is used. */
final class Qemu implements AutoCloseable {

  private static final Duration ANSWER_MAX = Duration.ofSeconds(30);

  /** How long something may take that QEMU does beside its answers. */
  private static final Duration WORK_MAX = Duration.ofSeconds(60);

  private static final Duration LOOK_AGAIN = Duration.ofMillis(200);
  private static final String IO_ERROR = "io-error";

  private final QmpConnection connection;

  private Qemu(QmpConnection connection) {
    this.connection = connection;
  }

  /**
   * Connects to its monitor; the caller closes it.
   *
   * @throws QmpException ABSENT when it does not run
   */
  static Qemu at(Path socket) throws SourceException {
    return new Qemu(QmpConnection.open(socket, ANSWER_MAX));
  }

  /**
   * A job.
   *
   * @param status such as {@code running}, {@code concluded}
   * @param error why it failed; empty unless it did
   */
  record Job(String id, String type, String status, String error) {
    boolean isOver() {
      return status.equals("concluded") || status.equals("null");
    }
  }

  /**
   * What a disk of the guest hangs on.
   *
   * @param node the topmost node
   */
  record Device(String name, String path, String node) {

    /** Whether an operator may mean it by this name: its drive, its id, or its QOM path. */
    boolean isCalled(String called) {
      String byId = "/machine/peripheral/" + called;
      return (!name.isEmpty() && name.equals(called))
          || path.equals(called)
          || path.equals(byId)
          || path.startsWith(byId + "/");
    }
  }

  String version() {
    return connection.version();
  }

  /**
   * Runs a command.
   *
   * @param arguments names and values, in turns
   */
  JsonNode run(String command, Object... arguments) throws SourceException {
    return connection.execute(command, object(arguments));
  }

  /**
   * @param pairs names and values, in turns
   */
  static Map<String, Object> object(Object... pairs) {
    Map<String, Object> fields = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      fields.put(String.valueOf(pairs[i]), pairs[i + 1]);
    }
    return fields;
  }

  /** Such as {@code running}, {@code paused}, {@code io-error}. */
  String status() throws SourceException {
    return run("query-status").path("status").asString("");
  }

  /** Whether the guest stands still because a disk, ours of the scratch included, had no room. */
  boolean isStuck() throws SourceException {
    return status().equals(IO_ERROR);
  }

  List<Node> nodes() throws SourceException {
    List<Node> nodes = new ArrayList<>();
    for (JsonNode node : run("query-named-block-nodes")) {
      nodes.add(Node.of(node));
    }
    return nodes;
  }

  List<Device> devices() throws SourceException {
    List<Device> devices = new ArrayList<>();
    for (JsonNode device : run("query-block")) {
      devices.add(
          new Device(
              device.path("device").asString(""),
              device.path("qdev").asString(""),
              device.path("inserted").path("node-name").asString("")));
    }
    return devices;
  }

  List<Job> jobs() throws SourceException {
    List<Job> jobs = new ArrayList<>();
    for (JsonNode job : run("query-jobs")) {
      jobs.add(
          new Job(
              job.path("id").asString(""),
              job.path("type").asString(""),
              job.path("status").asString(""),
              job.path("error").asString("")));
    }
    return jobs;
  }

  /** The ids of what its NBD server and others export. */
  List<String> exports() throws SourceException {
    List<String> ids = new ArrayList<>();
    run("query-block-exports").forEach(export -> ids.add(export.path("id").asString("")));
    return ids;
  }

  /** Something that is looked at until it is so. */
  interface Question {
    boolean isSo() throws SourceException;
  }

  /**
   * Waits, looking again with each event.
   *
   * @param what what is waited for, as it stands in the message
   */
  void await(String what, Question question) throws SourceException {
    long deadline = System.nanoTime() + WORK_MAX.toNanos();
    while (!question.isSo()) {
      if (System.nanoTime() - deadline > 0) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "QEMU did not come to this in " + WORK_MAX.toSeconds() + " s: " + what);
      }
      connection.awaitEvent(LOOK_AGAIN);
    }
  }

  /**
   * Creates a file or what is in it, and waits until that is done.
   *
   * @param options of {@code blockdev-create}
   */
  void create(String job, Map<String, Object> options) throws SourceException {
    run("blockdev-create", "job-id", job, "options", options);
    List<Job> ended = new ArrayList<>();
    await(
        job + " created",
        () -> {
          jobs().stream().filter(one -> one.id().equals(job) && one.isOver()).forEach(ended::add);
          return !ended.isEmpty();
        });
    run("job-dismiss", "id", job);
    String error = ended.getFirst().error();
    if (!error.isEmpty()) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "QEMU cannot create " + options.getOrDefault("filename", job) + ": " + error);
    }
  }

  @Override
  public void close() {
    connection.close();
  }
}
