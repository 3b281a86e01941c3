package dev.backstep.job.restore;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreScope;
import dev.backstep.backup.TargetCheck;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.Restores;
import dev.backstep.catalog.TargetBusyException;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.RestoreTargets;
import dev.backstep.job.TargetNames;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.springframework.stereotype.Component;

/** Begins restores of what can be restored to where it can be. */
@Component
class RestoreStart implements RestoreJobs {

  private final TaskJobs tasks;
  private final Restores restores;
  private final BackupQueries backups;
  private final ProcessLease lease;

  RestoreStart(TaskJobs tasks, Restores restores, BackupQueries backups, ProcessLease lease) {
    this.tasks = tasks;
    this.restores = restores;
    this.backups = backups;
    this.lease = lease;
  }

  @Override
  public TaskRun restore(RestoreRequest request) {
    BackupRow backup = restorePoint(request.id());
    Optional<BackupRow> held = request.held().map(this::restorePoint);
    RestoreTargets.requireHeld(request.differing(), held, request.targets().keySet());
    List<RestoredDisk> disks = new ArrayList<>();
    Map<String, String> names = new HashMap<>();
    new TreeMap<>(request.targets())
        .forEach((number, target) -> {
          disks.add(disk(backup, number, target, request, held));
          String place =
              request.machine().isPresent()
                  ? "disk " + disks.getLast().diskKey() + " of the VM"
                  : target.place();
          for (String name : TargetNames.of(target)) {
            if (names.put(name, place) != null) {
              throw OperatorException.usage(target.place() + " is the target of two disks", null);
            }
          }
        });
    if (disks.isEmpty()) {
      throw OperatorException.usage("no disk is to be restored", null);
    }
    tasks.recoverDead();
    return tasks.launch(begin(backup, disks, names, request.machine().map(VmId::ofName)));
  }

  private String begin(
      BackupRow backup,
      List<RestoredDisk> disks,
      Map<String, String> targets,
      Optional<VmId> machine) {
    String subject = backup.id() + " of " + backup.vmName();
    try {
      return restores.begin(backup.id(), subject, disks, targets, machine, lease.token());
    } catch (TargetBusyException | VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    }
  }

  private BackupRow restorePoint(String id) {
    BackupRow row =
        backups
            .find(id)
            .orElseThrow(() ->
                OperatorException.notFound(
                    id + ": no such backup; `backstep list` shows the backups"));
    RestoreTargets.requireRestorePoint(row);
    return row;
  }

  private static RestoredDisk disk(
      BackupRow backup,
      int number,
      DiskTarget target,
      RestoreRequest request,
      Optional<BackupRow> held) {
    BackupDiskRow disk = RestoreTargets.find(backup, number);
    Optional<BackupDiskRow> before = held.map(row -> RestoreTargets.find(row, number));
    RestoreScope scope =
        held.isPresent()
            ? RestoreScope.SINCE
            : request.differing() ? RestoreScope.DIFFERING : RestoreScope.ALL;
    if (target.isMade() && scope != RestoreScope.ALL) {
      throw OperatorException.usage(
          target.place() + " is made anew and holds nothing that could differ", null);
    }
    check(target, Path.of(backup.repositoryPath()), disk.virtualSize());
    return new RestoredDisk(
        number,
        disk.diskKey(),
        disk.id(),
        image(backup, disk),
        before.map(BackupDiskRow::id),
        before.map(row -> image(held.orElseThrow(), row)),
        disk.virtualSize(),
        disk.chainLength(),
        target.kind().word(),
        target.place(),
        scope.name(),
        false,
        0,
        0,
        0);
  }

  private static void check(DiskTarget target, Path repository, long size) {
    try {
      TargetCheck.check(target, repository, size);
    } catch (IOException e) {
      throw OperatorException.failed(String.valueOf(e.getMessage()), e);
    }
  }

  private static String image(BackupRow backup, BackupDiskRow disk) {
    return BackupDocument.image(backup, disk)
        .map(Path::toString)
        .orElseThrow(() ->
            OperatorException.failed(new DiskBackupId(disk.id().value()) + " has no image", null));
  }
}
