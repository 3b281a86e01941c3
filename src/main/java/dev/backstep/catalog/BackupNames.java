package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Ids of backups and disk backups; a number behind them keeps them apart within one second. */
final class BackupNames {

  private static final int NUMBER_MAX = 10_000;
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

  private BackupNames() {}

  static BackupId backup(VmId vm, Instant time, Predicate<BackupId> taken) {
    String name = "backup-" + vm + "-" + STAMP.format(time);
    return firstFree(number -> new BackupId(numbered(name, number)), taken);
  }

  static DiskBackupId disk(VmId vm, int diskId, Instant time, Predicate<DiskBackupId> taken) {
    String name = "backup-" + vm + "-disk" + diskId + "-" + STAMP.format(time);
    return firstFree(number -> new DiskBackupId(numbered(name, number)), taken);
  }

  static BackupId lost(BackupId id, Predicate<BackupId> taken) {
    return firstFree(number -> new BackupId(id + "-lost" + number), taken);
  }

  static String task(TaskKind kind, Instant time, Predicate<String> taken) {
    String name = kind.word() + "-" + STAMP.format(time);
    return firstFree(number -> numbered(name, number), taken);
  }

  /** The id of a stored plan of retention. */
  static String plan(Instant time, Predicate<String> taken) {
    String name = "plan-" + STAMP.format(time);
    return firstFree(number -> numbered(name, number), taken);
  }

  /** Whether a backup or a disk backup has that id: callers name either, so none may be both. */
  static boolean isTaken(JdbcClient jdbc, String id) {
    return jdbc.sql(
                """
                select (select count(*) from backups where id = :id)
                  + (select count(*) from backup_disks where id = :id)\
                """)
            .param("id", id)
            .query(Long.class)
            .single()
        > 0;
  }

  private static String numbered(String name, int number) {
    return number == 1 ? name : name + "-" + number;
  }

  private static <T> T firstFree(IntFunction<T> name, Predicate<T> taken) {
    for (int number = 1; number <= NUMBER_MAX; number++) {
      T id = name.apply(number);
      if (!taken.test(id)) {
        return id;
      }
    }
    throw new IllegalStateException("every id up to " + name.apply(NUMBER_MAX) + " is taken");
  }
}
