package dev.backstep.job.backup;

import dev.backstep.backup.DiskTarget;
import dev.backstep.domain.Compression;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import java.time.Duration;
import java.util.Optional;

/** What is done while its files are watched; a new kind of work is a line more. */
enum Work {
  FULL(0) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.backUp(Compression.NONE);
    }
  },
  OVERLAY(1) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.backUp(Compression.NONE);
    }
  },
  COMPRESSED(1) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.backUp(Compression.ZSTD);
    }
  },
  DELETE(2) {
    @Override
    void run(FaultTest.Victim victim) {
      victim.delete(victim.points().getFirst());
    }
  },
  /** The first backup to check data by SHA-256 says so in the repository's own file. */
  SHA_256(1) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.backUp(Compression.NONE, RequestedLevel.AUTO, "checksum: sha-256");
    }
  },
  /** Two that nothing needs go, one after the other. */
  PRUNE(2) {
    @Override
    void prepare(FaultTest.Victim victim) throws Exception {
      victim.backUp(Compression.NONE, RequestedLevel.FULL);
    }

    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.prune(1);
    }
  },
  MERGE(2) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.merge(1, false);
    }
  },
  /** As on a file system whose files can share blocks. */
  SHARING_MERGE(2) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.merge(1, false);
    }
  },
  /** One that died when the manifest told of the merged image, and that had its name not yet. */
  MERGE_GONE_ON_WITH(2) {
    @Override
    void prepare(FaultTest.Victim victim) throws Exception {
      victim.halfReplace();
    }

    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.merge(1, false);
    }
  },
  CONSOLIDATE(2) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.merge(9, true);
    }
  },
  COPY(2) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.copy(Optional.empty());
    }
  },
  /** One of two copies is there, and goes. */
  COPY_WITH_RETENTION(1) {
    @Override
    void prepare(FaultTest.Victim victim) throws Exception {
      victim.copy(Optional.empty());
      victim.backUp(Compression.NONE, RequestedLevel.FULL);
    }

    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.copy(Optional.of(keepLast(1)));
    }
  },
  /** One disk to a raw file, one to a QCOW2 image. */
  RESTORE(2) {
    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.restore(DiskTarget.Kind.RAW, DiskTarget.Kind.QCOW2);
    }
  },
  /** Over raw files that are there, hold something else and have to grow. */
  RESTORE_OVER(2) {
    @Override
    void prepare(FaultTest.Victim victim) throws Exception {
      victim.otherDisks(100_000, 100_000);
    }

    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.restore(DiskTarget.Kind.EXISTING, DiskTarget.Kind.EXISTING);
    }
  },
  /** As on a file system that can make holes. */
  PUNCHING_RESTORE(2) {
    @Override
    void prepare(FaultTest.Victim victim) throws Exception {
      victim.otherDisks(200_000, LARGE_BYTES);
    }

    @Override
    void run(FaultTest.Victim victim) throws Exception {
      victim.restore(DiskTarget.Kind.EXISTING, DiskTarget.Kind.EXISTING);
    }
  };

  /** Of a disk that whatever its guest writes leaves zeros in. */
  private static final int LARGE_BYTES = 2_000_000;

  /** Backups that are there before. */
  final int before;

  Work(int before) {
    this.before = before;
  }

  /** What else is there before. */
  void prepare(FaultTest.Victim victim) throws Exception {}

  int secondDiskBytes() {
    return this == PUNCHING_RESTORE ? LARGE_BYTES : 330_000;
  }

  abstract void run(FaultTest.Victim victim) throws Exception;

  boolean isBackup() {
    return this == FULL || this == OVERLAY || this == COMPRESSED || this == SHA_256;
  }

  /** Whether it is a task, which is relaunched. */
  boolean isTask() {
    return ordinal() >= PRUNE.ordinal();
  }

  boolean isMerge() {
    return this == MERGE
        || this == SHARING_MERGE
        || this == MERGE_GONE_ON_WITH
        || this == CONSOLIDATE;
  }

  private static RetentionDefinition keepLast(int last) {
    return new RetentionDefinition(last, 0, 0, 0, 0, 0, Duration.ZERO);
  }
}
