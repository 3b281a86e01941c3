package dev.backstep.job.backup;

import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlan;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.Backups;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.JobDefinition;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.source.SourceDisk;
import java.io.EOFException;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a disk's plan is to the catalog, and the copy that is made by it. */
final class DiskCopies {

  private static final Logger log = LoggerFactory.getLogger(DiskCopies.class);

  private DiskCopies() {}

  /** Whether the plan is the one that an earlier process has begun. */
  static boolean samePlan(BackupDiskRow row, DiskPlan plan) {
    return row.reason().equals(Optional.of(plan.reason()))
        && row.baseId().equals(plan.base().map(Baseline::image))
        && row.previousChangeId().equals(plan.previousChangeId())
        && row.virtualSize() == plan.clusters().sizeBytes();
  }

  static Backups.Plan catalogPlan(DiskPlan plan, SourceDisk source) {
    return new Backups.Plan(
        plan.reason(),
        plan.cause(),
        plan.previousChangeId(),
        plan.base().map(Baseline::image),
        plan.chainLength(),
        source.sizeBytes(),
        plan.clusters().dataBytes());
  }

  static DiskBackup.Request request(
      ActiveBackup active, BackupDiskRow row, DiskPlan plan, SourceDisk source) {
    JobDefinition definition = active.definition();
    return new DiskBackup.Request(
        active.id(),
        row.id(),
        active.repository().id(),
        active.vm(),
        definition.vmName(),
        row.diskId(),
        source.key(),
        source.changeId(),
        plan,
        active.snapshot().takenAt(),
        definition.compression(),
        definition.compressionLevel(),
        definition.checksum());
  }

  /** Begins a copy, or goes on with one, where it still is as its state says. */
  static DiskBackup open(
      DiskBackup.Request request,
      SourceDisk source,
      DiskFolder folder,
      Optional<WriterState> resume)
      throws IOException {
    try {
      return DiskBackup.open(request, source, folder, resume);
    } catch (Qcow2FormatException | EOFException e) {
      if (resume.isEmpty()) {
        throw e;
      }
      log.warn(
          "{} cannot go on where it stopped and begins anew: {}", request.id(), e.getMessage());
      return DiskBackup.open(request, source, folder, Optional.empty());
    }
  }
}
