package dev.backstep.cli;

import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.DiskKey;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.RestoredDomain;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The domain of libvirt that a restore is to end with.
 *
 * @param definition the XML that the restore point keeps
 * @param disks the files that are made
 */
record DefinedDomain(
    String uri,
    String name,
    String definition,
    Map<DiskKey, Path> disks,
    String format,
    Path folder) {

  /**
   * What can be said of it before hours of copying is said.
   *
   * @throws OperatorException when the restore point is not of a domain, or one of that name runs
   */
  static DefinedDomain of(
      BackupRow backup, String uri, String name, Path folder, RestoreTarget made)
      throws IOException {
    RestorePoint point =
        Repository.open(Path.of(backup.repositoryPath())).restorePoint(backup.vmId(), backup.id());
    String definition = point.vmDefinition().get(RestoredDomain.DEFINITION);
    if (definition == null) {
      throw OperatorException.failed(
          backup.id() + " was not made of a domain of libvirt; restore it without --define", null);
    }
    try {
      RestoredDomain.requireOff(uri, name, folder);
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
    String format = made.name().toLowerCase(Locale.ROOT);
    Map<DiskKey, Path> disks = new HashMap<>();
    for (RestorePoint.Disk restored : point.disks()) {
      disks.put(
          new DiskKey(restored.diskKey()),
          folder.resolve("disk-" + restored.diskId() + "." + format));
    }
    return new DefinedDomain(uri, name, definition, disks, format, folder);
  }

  void define() {
    try {
      RestoredDomain.define(uri, definition, name, disks, format, folder);
    } catch (SourceException e) {
      throw Refusals.of(e);
    }
  }
}
