package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A backup as the catalog knows it.
 *
 * @param repositoryPath the repository's folder as last registered
 * @param definition the job definition it was begun with
 * @param executionId the Batch execution that runs it, or ran it last
 * @param leaseToken the lease of its owner, or its last one
 * @param snapshotHandle what re-attaches its snapshot; empty when none is open
 * @param snapshotNo how many snapshots were opened for it so far
 * @param error the first error since it was begun; empty once completed
 * @param launch who asked for it, and when it may begin
 * @param disks by disk id, ascending
 */
public record BackupRow(
    BackupId id,
    VmId vmId,
    String vmName,
    RepositoryId repositoryId,
    String repositoryPath,
    Status status,
    RequestedLevel requestedLevel,
    String definition,
    Instant createdAt,
    Optional<Instant> completedAt,
    OptionalLong executionId,
    OptionalLong leaseToken,
    Optional<String> snapshotHandle,
    Optional<Instant> snapshotTakenAt,
    Optional<Instant> snapshotKeepUntil,
    int snapshotNo,
    Optional<String> error,
    Optional<String> note,
    Launch launch,
    List<BackupDiskRow> disks) {

  public BackupRow {
    disks = List.copyOf(disks);
  }

  /** Whether it is, or was, a restore point. */
  public boolean wasCompleted() {
    return BackupOwner.wasCompleted(status);
  }

  /** Why it ended without being completed; empty while it goes on again, or waits to. */
  public Optional<String> presentError() {
    return error.filter(text -> hasEnded());
  }

  /** Why a run of it ended that something goes on with, or waits to. */
  public Optional<String> earlierError() {
    return error.filter(text -> !hasEnded());
  }

  private boolean hasEnded() {
    return status == Status.FAILED || status == Status.STOPPED || status == Status.ABANDONED;
  }

  /** What all of its disks have been through. */
  public Ledger ledger() {
    return Ledger.ofAll(disks.stream().map(BackupDiskRow::ledger).toList());
  }

  BackupRow withDisks(List<BackupDiskRow> all) {
    return new BackupRow(
        id,
        vmId,
        vmName,
        repositoryId,
        repositoryPath,
        status,
        requestedLevel,
        definition,
        createdAt,
        completedAt,
        executionId,
        leaseToken,
        snapshotHandle,
        snapshotTakenAt,
        snapshotKeepUntil,
        snapshotNo,
        error,
        note,
        launch,
        all);
  }
}
