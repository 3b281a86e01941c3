package dev.backstep.cli;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.job.OperatorException;
import java.util.List;
import java.util.Optional;

/** Which disk of a VM is meant. */
final class DiskNumber {

  private static final int LOOK_BACK_BACKUPS = 100;

  private DiskNumber() {}

  /**
   * A disk by its number or its key. A key may look like a number; the number counts first.
   *
   * @throws OperatorException NOT_FOUND when there is no such VM, or it has no such disk
   */
  static int of(Engine engine, String vm, String disk) {
    if (!engine.vmNames().contains(vm)) {
      throw ListCommand.unknown(engine, vm);
    }
    List<BackupDiskRow> disks =
        engine.list(Optional.of(vm), LOOK_BACK_BACKUPS).stream()
            .flatMap(backup -> backup.disks().stream())
            .toList();
    return disks.stream()
        .filter(row -> String.valueOf(row.diskId()).equals(disk))
        .findFirst()
        .or(() -> disks.stream().filter(row -> row.diskKey().value().equals(disk)).findFirst())
        .map(BackupDiskRow::diskId)
        .orElseThrow(() -> OperatorException.notFound(vm + " has no disk '" + disk + "'"));
  }
}
