package dev.backstep.cli;

import dev.backstep.backup.DiskTarget;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.SupersededException;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.TaskKind;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.TaskRun;
import dev.backstep.nbd.NbdUri;
import dev.backstep.repository.Repository;
import dev.backstep.source.SourceException;
import dev.backstep.source.vsphere.NewMachine;
import dev.backstep.source.vsphere.RestoredMachine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;

/** Restores over the disks of a VM at a vCenter, which the command serves meanwhile. */
final class MachineRestore {

  private final Session session;
  private final Engine engine;
  private final String name;

  /**
   * @param name of the job definition's file, or of its VM
   */
  MachineRestore(Session session, Engine engine, String name) {
    this.session = session;
    this.engine = engine;
    this.name = name;
  }

  /**
   * Makes the VM anew by what the restore point keeps of it.
   *
   * @param place path of a cluster, host or resource pool
   * @param datastore empty to leave its files where they were
   */
  void make(BackupRow backup, Set<Integer> disks, String place, Optional<String> datastore)
      throws IOException {
    if (disks.size() != backup.disks().size()) {
      throw OperatorException.usage(
          "--create-in makes a VM with all disks of its backup; name the backup, not a disk", null);
    }
    String configuration =
        Repository.open(Path.of(backup.repositoryPath()))
            .restorePoint(backup.vmId(), backup.id())
            .vmDefinition()
            .get(NewMachine.CONFIGURATION);
    if (configuration == null) {
      throw OperatorException.failed(backup.id() + " was not made of a VM at a vCenter", null);
    }
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    backup.disks().forEach(row -> sizes.put(row.diskKey(), row.virtualSize()));
    try {
      List<String> left = NewMachine.make(source(), configuration, sizes, place, datastore);
      session
          .terminal()
          .error(
              name
                  + ": a VM is made"
                  + (left.isEmpty() ? "" : "; it has not got: " + String.join(", ", left)));
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
  }

  /**
   * Restores disks of a backup. Returns the exit code.
   *
   * @param request makes the request of the name of the VM that is written over, and of its disks
   */
  int begin(
      BackupRow backup,
      Set<Integer> disks,
      BiFunction<String, Map<Integer, DiskTarget>, RestoreRequest> request)
      throws InterruptedException {
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    Map<DiskKey, Integer> numbers = new HashMap<>();
    for (BackupDiskRow row : backup.disks()) {
      if (disks.contains(row.diskId())) {
        sizes.put(row.diskKey(), row.virtualSize());
        numbers.put(row.diskKey(), row.diskId());
      }
    }
    try (RestoredMachine machine = open(sizes, Map.of())) {
      Map<Integer, DiskTarget> targets = new HashMap<>();
      machine
          .exports()
          .forEach((key, uri) ->
              targets.put(Objects.requireNonNull(numbers.get(key)), DiskTarget.onto(uri.text())));
      return follow(engine.restore(request.apply(definition().vmName(), targets)));
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
  }

  /** Goes on with a restore onto the VM that failed or died. Returns the exit code. */
  int goOn(String id) throws InterruptedException {
    requireResumable(id);
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    Map<DiskKey, NbdUri> before = new LinkedHashMap<>();
    for (RestoredDisk disk : disks(engine, id)) {
      sizes.put(disk.diskKey(), disk.virtualSize());
      before.put(disk.diskKey(), NbdUri.parse(disk.target()));
    }
    if (before.isEmpty()) {
      throw OperatorException.usage(
          id + " writes onto no VM at a vCenter; say relaunch without --onto-vm", null);
    }
    try (RestoredMachine _ = open(sizes, before)) {
      return follow(engine.relaunchTask(id));
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
  }

  /** What its relaunch would refuse, before the VM is touched for it. */
  private void requireResumable(String id) {
    Status status = TaskWatch.row(engine, id).status();
    if (status == Status.COMPLETED) {
      throw Refusals.notRelaunched(id, status);
    }
    engine
        .supersededBy(id)
        .ifPresent(newer -> {
          throw OperatorException.conflict(SupersededException.text(id, newer), null);
        });
  }

  /**
   * @throws OperatorException USAGE when a task needs a VM that nobody serves
   */
  static void refuseUnserved(Engine engine, String id) {
    if (!disks(engine, id).isEmpty()) {
      throw OperatorException.usage(
          id
              + " writes onto the disks of a VM at a vCenter, which the command has to serve;"
              + " `backstep relaunch "
              + id
              + " --onto-vm VM` goes on, VM as it was said to restore",
          null);
    }
  }

  /** Those that a command has to serve. */
  private static List<RestoredDisk> disks(Engine engine, String id) {
    if (TaskKind.ofId(id).filter(TaskKind.RESTORE::equals).isEmpty()) {
      return List.of();
    }
    return engine.restoredDisks(id).stream().filter(MachineRestore::isServedByCommand).toList();
  }

  private static boolean isServedByCommand(RestoredDisk disk) {
    return disk.targetKind().equals(DiskTarget.Kind.NBD.word())
        && RestoredMachine.isServedByCommand(NbdUri.parse(disk.target()));
  }

  /** Until its end, whatever the server says meanwhile: it writes to what is served here. */
  private int follow(TaskRun run) throws InterruptedException {
    String option = " --onto-vm " + name;
    try {
      return new TaskWatch(session, engine, option).follow(RemoteTask.untilTheServerIsGone(run));
    } catch (OperatorException e) {
      if (e.kind() != OperatorException.Kind.FAILED) {
        throw e;
      }
      throw OperatorException.failed(
          e.getMessage()
              + ". Unless it is COMPLETED then, the VM is restored in part, and `backstep relaunch "
              + run.id()
              + option
              + "` goes on",
          e);
    }
  }

  private RestoredMachine open(Map<DiskKey, Long> sizes, Map<DiskKey, NbdUri> before)
      throws SourceException {
    Path runFolder = session.options().home().resolve("run");
    return RestoredMachine.open(source(), runFolder, sizes, before);
  }

  private SourceDefinition source() {
    return definition().source();
  }

  private JobDefinition definition() {
    JobDefinition definition = new NamedDefinitions(session).only(name);
    if (!definition.source().type().equals("vsphere")) {
      throw OperatorException.usage(
          "--onto-vm "
              + name
              + ": its definition has a source of type "
              + definition.source().type()
              + "; expected vsphere",
          null);
    }
    return definition;
  }
}
