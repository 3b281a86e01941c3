package dev.backstep.job;

import dev.backstep.domain.BackupId;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;
import org.springframework.core.task.TaskDecorator;

/**
 * What every log line about a backup carries beside its text, for whoever collects lines: the
 * fields {@code backup_id}, {@code execution_id} and {@code disk_id}. They belong to threads.
 */
public final class LogFields {

  private static final String BACKUP = "backup_id";
  private static final String EXECUTION = "execution_id";
  private static final String DISK = "disk_id";

  /** Takes a field off this thread. */
  public interface Field extends AutoCloseable {
    @Override
    void close();
  }

  private LogFields() {}

  /** Work for a thread of its own, all of whose lines are about one backup. */
  public static Runnable of(BackupId id, Runnable work) {
    return () -> {
      try (Field _ = backup(id)) {
        work.run();
      }
    };
  }

  /** This thread's lines are about a backup until that is closed. */
  public static Field backup(BackupId id) {
    return put(BACKUP, id.value());
  }

  /** All further lines of this thread, which ends with it, are about an execution of a job. */
  public static void keepExecution(long id) {
    MDC.put(EXECUTION, String.valueOf(id));
  }

  /** All further lines of this thread, which ends with it, are about a disk. */
  public static void keepDisk(int id) {
    MDC.put(DISK, String.valueOf(id));
  }

  /** This thread's lines are about a disk of a backup until that is closed. */
  public static Field disk(BackupId backup, int id) {
    Field first = backup(backup);
    Field second = put(DISK, String.valueOf(id));
    return () -> {
      second.close();
      first.close();
    };
  }

  /** Hands the fields of the thread that starts work to the one that does it. */
  public static TaskDecorator handedOn() {
    return work -> {
      Map<String, String> fields = MDC.getCopyOfContextMap();
      return () -> {
        if (fields != null) {
          MDC.setContextMap(fields);
        }
        try {
          work.run();
        } finally {
          MDC.clear();
        }
      };
    };
  }

  private static Field put(String name, String value) {
    @Nullable String before = MDC.get(name);
    MDC.put(name, value);
    return () -> {
      if (before == null) {
        MDC.remove(name);
      } else {
        MDC.put(name, before);
      }
    };
  }
}
