package dev.backstep.job;

import dev.backstep.catalog.Launch;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Backups whose bytes another program copies: we plan each disk, make its empty image, and publish
 * it when the mover says that it is done. A mover gives a sign of life with each call; one that
 * stays silent past {@code backstep.server.external-silence} loses its backup. Safe for use by many
 * threads.
 */
public interface ExternalBackups {

  /**
   * What a mover needs of us.
   *
   * @param export whether each image is exported writable by a {@code qemu-nbd} of ours; else the
   *     mover writes the files itself
   * @param strict whether a disk that cannot be incremental refuses the whole backup; of meaning
   *     only when an incremental is asked for
   * @param snapshotTakenAt the moment that the mover copies; now when empty
   * @param disks what the mover knows of disks; those that are not named are taken from the
   *     definition and the source
   */
  record Request(
      boolean export, boolean strict, Optional<Instant> snapshotTakenAt, List<DiskRequest> disks) {
    public Request {
      disks = List.copyOf(disks);
    }
  }

  /**
   * What the mover knows of one disk.
   *
   * @param sizeBytes the disk's size; the source is asked when empty
   * @param trackingReset the source cannot answer for the disk's last change id any more
   */
  record DiskRequest(DiskKey key, OptionalLong sizeBytes, boolean trackingReset) {}

  /**
   * What a mover says of a disk that it has copied.
   *
   * @param diskId which disk; may be empty where the id called with says it
   * @param changeId the source's mark of the moment that was copied; empty when it tracks nothing
   * @param bytesTransferred bytes that the mover sent, at least 0
   * @param interruptions how often the mover knows the disk's export to have broken off, see {@link
   *     ExternalBackup.Disk#interruptions}
   */
  record Completion(
      OptionalInt diskId, Optional<ChangeId> changeId, long bytesTransferred, int interruptions) {}

  /**
   * Begins a backup: from here on no other one of this VM can begin.
   *
   * @param launch with mover {@code EXTERNAL}
   * @throws OperatorException BUSY when the VM has a backup that runs or waits; USAGE when sizes
   *     are missing or make no sense; UNPROTECTED when {@code strict} refuses it; NOT_FOUND or
   *     FAILED when repository or source cannot be opened. Nothing is left behind then
   */
  ExternalBackup begin(
      JobDefinition definition, RequestedLevel level, Launch launch, Request request);

  /**
   * Where a backup stands; to its mover a sign of life. Exports that broke off are started again.
   *
   * @param id the backup's or one of its disk backups'
   * @throws OperatorException NOT_FOUND; CONFLICT when it is none of a mover or does not run; BUSY
   *     when another living process serves it
   */
  ExternalBackup keepAlive(String id);

  /**
   * Ends the disk's export, checks its image, publishes it and makes its change id known; the last
   * disk of a backup publishes the restore point. The same call again changes nothing.
   *
   * @param id the backup's or the disk backup's
   * @throws OperatorException NOT_FOUND when there is no such backup or disk; USAGE when the id
   *     leaves open which disk is meant; BUSY when a job of ours copies the disk, or another living
   *     process serves it; CONFLICT when the disk is completed with another change id, the backup
   *     has ended, or the export broke off without the mover knowing; FAILED when the image is not
   *     what it should be, or cannot be forced to disk: the backup is given up then
   */
  ExternalBackup complete(String id, Completion completion);

  /**
   * Looks after these backups from now on until the program ends: what processes that died have
   * exported is exported again, movers that fell silent lose their backup. For a server, once,
   * after {@link BackupJobs#recoverDead}.
   */
  void watch();
}
