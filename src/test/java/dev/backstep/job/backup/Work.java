package dev.backstep.job.backup;

import dev.backstep.backup.DiskTarget;
import dev.backstep.domain.Compression;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import java.time.Duration;
import java.util.Optional;

/** What is done while its files are watched; a new kind of work is a line more. */
enum Work {
  FULL(Kind.BACKUP, 0, victim -> victim.backUp(Compression.NONE)),
  OVERLAY(Kind.BACKUP, 1, victim -> victim.backUp(Compression.NONE)),
  COMPRESSED(Kind.BACKUP, 1, victim -> victim.backUp(Compression.ZSTD)),
  DELETE(Kind.DELETION, 2, victim -> victim.delete(victim.points().getFirst())),
  /** The first backup to check data by SHA-256 says so in the repository's own file. */
  SHA_256(
      Kind.BACKUP,
      1,
      victim -> victim.backUp(Compression.NONE, RequestedLevel.AUTO, "checksum: sha-256")),
  /** Two that nothing needs go, one after the other. */
  PRUNE(
      Kind.TASK,
      2,
      victim -> victim.backUp(Compression.NONE, RequestedLevel.FULL),
      victim -> victim.prune(1)),
  MERGE(Kind.MERGE, 2, victim -> victim.merge(1, false)),
  /** As on a file system whose files can share blocks. */
  SHARING_MERGE(Kind.MERGE, 0, Work::overlayOfAllKinds, victim -> victim.merge(1, false)),
  /** One that died when the manifest told of the merged image, and that had its name not yet. */
  MERGE_GONE_ON_WITH(
      Kind.MERGE, 2, FaultTest.Victim::halfReplace, victim -> victim.merge(1, false)),
  CONSOLIDATE(Kind.MERGE, 2, victim -> victim.merge(9, true)),
  COPY(Kind.TASK, 2, victim -> victim.copy(Optional.empty())),
  /** One of two copies is there, and goes. */
  COPY_WITH_RETENTION(
      Kind.TASK,
      1,
      victim -> {
        victim.copy(Optional.empty());
        victim.backUp(Compression.NONE, RequestedLevel.FULL);
      },
      victim -> victim.copy(Optional.of(keepLast(1)))),
  /** One disk to a raw file, one to a QCOW2 image. */
  RESTORE(Kind.TASK, 2, victim -> victim.restore(DiskTarget.Kind.RAW, DiskTarget.Kind.QCOW2)),
  /** Over raw files that are there, hold something else and have to grow. */
  RESTORE_OVER(
      Kind.TASK, 2, victim -> victim.otherDisks(100_000, 100_000), Work::restoreOverRawFiles),
  /** As on a file system that can make holes. */
  PUNCHING_RESTORE(
      Kind.TASK,
      2,
      victim -> victim.otherDisks(200_000, Work.LARGE_BYTES),
      Work::restoreOverRawFiles);

  private enum Kind {
    BACKUP,
    DELETION,
    /** Is relaunched. */
    TASK,
    /** Is a task, too. */
    MERGE
  }

  private interface Act {
    void on(FaultTest.Victim victim) throws Exception;
  }

  /** Of a disk that whatever its guest writes leaves zeros in. */
  private static final int LARGE_BYTES = 2_000_000;

  private final Kind kind;

  /** Backups that are there before. */
  final int before;

  private final Act preparation;
  private final Act work;

  Work(Kind kind, int before, Act work) {
    this(kind, before, victim -> {}, work);
  }

  Work(Kind kind, int before, Act preparation, Act work) {
    this.kind = kind;
    this.before = before;
    this.preparation = preparation;
    this.work = work;
  }

  /** What else is there before. */
  void prepare(FaultTest.Victim victim) throws Exception {
    preparation.on(victim);
  }

  void run(FaultTest.Victim victim) throws Exception {
    work.on(victim);
  }

  int secondDiskBytes() {
    return this == PUNCHING_RESTORE ? LARGE_BYTES : 330_000;
  }

  boolean isBackup() {
    return kind == Kind.BACKUP;
  }

  boolean isTask() {
    return kind == Kind.TASK || kind == Kind.MERGE;
  }

  boolean isMerge() {
    return kind == Kind.MERGE;
  }

  private static void restoreOverRawFiles(FaultTest.Victim victim) throws Exception {
    victim.restore(DiskTarget.Kind.EXISTING, DiskTarget.Kind.EXISTING);
  }

  /** A cluster that supersedes one, zeros that do, one that is new, and the disk's end. */
  private static void overlayOfAllKinds(FaultTest.Victim victim) throws Exception {
    SimulatedDisk disk = victim.machine.disks.get("b");
    disk.write(0, 140_000);
    victim.backUpAsItIs();
    disk.write(10_000, 20_000);
    disk.zero(65_536, 65_536);
    disk.write(200_000, 60_000);
    disk.write(disk.size() - 1_000, 1_000);
    victim.backUpAsItIs();
  }

  private static RetentionDefinition keepLast(int last) {
    return new RetentionDefinition(last, 0, 0, 0, 0, 0, Duration.ZERO);
  }
}
