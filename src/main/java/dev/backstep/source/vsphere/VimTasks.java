package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Waits for tasks by asking how they are. Nothing is kept between two questions but the task's
 * name, so any process can wait for any task.
 */
final class VimTasks {

  /** As a server's own list of descriptions has them. */
  private static final Set<String> OF_SNAPSHOTS =
      Set.of(
          "VirtualMachine.createSnapshot",
          "VirtualMachine.createSnapshotEx",
          "vm.Snapshot.remove",
          "VirtualMachine.removeAllSnapshots",
          "VirtualMachine.consolidateDisks");

  private static final Set<String> ENDED = Set.of("success", "error");

  private static final long PAUSE_MILLIS_MIN = 50;
  private static final long PAUSE_MILLIS_MAX = 2000;

  private final PropertyReader properties;

  VimTasks(PropertyReader properties) {
    this.properties = properties;
  }

  /**
   * Waits for a task's end. A task that the server has forgotten meanwhile counts as ended: whoever
   * waits looks at what it was to do.
   *
   * @param doing what it does, for messages
   * @throws VsphereFault when the task failed
   */
  void await(Moref task, String doing, Duration limit) throws IOException {
    Optional<XmlNode> info = ended(task, doing, limit);
    if (info.isPresent() && state(info.get()).equals("error")) {
      throw failure(info.get(), doing);
    }
  }

  private Optional<XmlNode> ended(Moref task, String doing, Duration limit) throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    for (long pause = PAUSE_MILLIS_MIN; ; pause = Math.min(pause * 2, PAUSE_MILLIS_MAX)) {
      Optional<XmlNode> info = info(task);
      if (info.isEmpty() || ENDED.contains(state(info.get()))) {
        return info;
      }
      if (System.nanoTime() - deadline > 0) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            doing + ": task " + task + " is not done after " + limit.toMinutes() + " minutes");
      }
      Pauses.pause(pause);
    }
  }

  private static String state(XmlNode info) throws IOException {
    return info.required("state").text();
  }

  /** Waits until no task of these makes or removes a snapshot; how it ended is its beginner's. */
  void awaitSnapshots(List<Moref> recent, String doing, Duration limit) throws IOException {
    for (Moref task : recent) {
      if (OF_SNAPSHOTS.contains(what(task))) {
        ended(task, doing, limit);
      }
    }
  }

  /** Empty also of one that this user may not see, which is none of ours. */
  private String what(Moref task) throws IOException {
    try {
      return info(task).flatMap(found -> found.text("descriptionId")).orElse("");
    } catch (VsphereFault e) {
      if (e.is("NoPermission")) {
        return "";
      }
      throw e;
    }
  }

  /** Empty when the server has forgotten the task. */
  private Optional<XmlNode> info(Moref task) throws IOException {
    try {
      Optional<XmlNode> info = properties.of(task, "info").find("info");
      if (info.isEmpty()) {
        throw new SourceException(
            SourceException.Kind.FAILED, task + ": the server does not say how this task is");
      }
      return info;
    } catch (VsphereFault e) {
      if (e.is("ManagedObjectNotFound")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static VsphereFault failure(XmlNode info, String doing) {
    Optional<XmlNode> error = info.child("error");
    String message = error.flatMap(found -> found.text("localizedMessage")).orElse("");
    return error
        .flatMap(found -> found.child("fault"))
        .map(fault -> SoapConnection.fault(doing, fault, message))
        .orElseGet(() -> new VsphereFault(doing, "MethodFault", "", message));
  }
}
