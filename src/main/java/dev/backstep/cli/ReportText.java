package dev.backstep.cli;

import dev.backstep.job.AdminReport;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reports as tables for people. Works on their documents, whoever made them. Times are local. */
final class ReportText {

  private final ZoneId zone;

  ReportText(ZoneId zone) {
    this.zone = zone;
  }

  String table(AdminReport report, List<Map<String, @Nullable Object>> rows) {
    if (rows.isEmpty()) {
      return nothing(report);
    }
    return switch (report) {
      case RUNNING -> running(rows);
      case STUCK -> stuck(rows);
      case FAILED -> failed(rows);
      case LONGEST -> longest(rows);
      case THROUGHPUT -> throughput(rows);
      case LINEAGE -> lineage(rows);
      case STALE -> stale(rows);
      case FULLS -> fulls(rows);
      case MISSED -> missed(rows);
    };
  }

  private static String nothing(AdminReport report) {
    return switch (report) {
      case RUNNING -> "nothing runs";
      case STUCK -> "nothing is stuck";
      case FAILED -> "nothing failed";
      case LONGEST, THROUGHPUT -> "nothing ended in that time";
      case LINEAGE -> "this disk has no completed backup";
      case STALE -> "every VM has a restore point that is new enough";
      case FULLS -> "no full copies in that time";
      case MISSED -> "every start of a schedule became a backup";
    };
  }

  private static String running(List<Map<String, @Nullable Object>> rows) {
    Table table =
        new Table("BACKUP", "DISK", "STATUS", "LEVEL", "READ", "OF", "RATE", "LEFT", "NOTE");
    for (Map<String, @Nullable Object> row : rows) {
      for (Map<String, @Nullable Object> disk : disks(row)) {
        table.add(
            text(row, "backup_id"),
            text(disk, "disk_id") + " " + text(disk, "disk_key"),
            text(disk, "status"),
            level(disk),
            size(disk, "bytes_read"),
            size(disk, "bytes_total"),
            rate(disk),
            time(disk, "seconds_left"),
            note(row, disk));
      }
      if (disks(row).isEmpty()) {
        table.add(text(row, "backup_id"), "-", "-", "-", "-", "-", "-", "-", note(row, Map.of()));
      }
    }
    return table.toString();
  }

  private static String note(
      Map<String, @Nullable Object> backup, Map<String, @Nullable Object> disk) {
    if (Boolean.FALSE.equals(backup.get("owner_alive"))
        && !"EXTERNAL".equals(backup.get("mover"))) {
      return "its process died";
    }
    return Boolean.TRUE.equals(disk.get("slowest")) ? "slowest" : "-";
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, @Nullable Object>> disks(Map<String, @Nullable Object> row) {
    return row.get("disks") instanceof List<?> list
        ? (List<Map<String, @Nullable Object>>) list
        : List.of();
  }

  private String stuck(List<Map<String, @Nullable Object>> rows) {
    Table table =
        new Table("EXECUTION", "BATCH", "BACKUP OR TASK", "STATUS", "OWNER", "LEASE ENDED");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          text(row, "execution_id"),
          text(row, "batch_status"),
          text(row, row.get("task_id") == null ? "backup_id" : "task_id"),
          text(row, "status"),
          row.get("owner_host") == null
              ? "-"
              : text(row, "owner_host") + " " + text(row, "owner_process_id"),
          at(row, "lease_ended_at"));
    }
    return table.toString();
  }

  private String failed(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("EXECUTION", "BACKUP", "FAILED AT", "TRIES", "ERROR");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          text(row, "execution_id"),
          text(row, "backup_id"),
          at(row, "completed_at"),
          text(row, "attempts"),
          text(row, "error"));
    }
    return table.toString();
  }

  private String longest(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("TOOK", "EXECUTION", "BACKUP", "STATUS", "CREATED", "ENDED");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          time(row, "seconds"),
          text(row, "execution_id"),
          text(row, "backup_id"),
          text(row, "status"),
          at(row, "created_at"),
          at(row, "completed_at"));
    }
    return table.toString();
  }

  private String throughput(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("ENDED", "VM", "DISK", "LEVEL", "READ", "STORED", "TOOK", "RATE");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          at(row, "completed_at"),
          text(row, "vm_name"),
          text(row, "disk_id") + " " + text(row, "disk_key"),
          text(row, "level"),
          size(row, "bytes_read"),
          size(row, "bytes_stored"),
          time(row, "seconds"),
          rate(row));
    }
    return table.toString();
  }

  private String lineage(List<Map<String, @Nullable Object>> rows) {
    List<String> lines = new ArrayList<>();
    for (Map<String, @Nullable Object> row : rows) {
      lines.add(at(row, "completed_at") + "  " + text(row, "id"));
      lines.add(
          "  level      " + level(row) + ", image " + text(row, "chain_length") + " of its chain");
      lines.add(
          "  change id  " + text(row, "previous_change_id") + " -> " + text(row, "change_id"));
      lines.add("  image      " + text(row, "image"));
      if (row.get("backing_image") != null) {
        lines.add("  backing    " + text(row, "backing_image"));
      }
    }
    return String.join(System.lineSeparator(), lines);
  }

  private String missed(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("VM", "SCHEDULED AT", "OUTCOME", "REASON");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          text(row, "vm_name"),
          at(row, "scheduled_at"),
          text(row, "outcome"),
          "DUE".equals(row.get("outcome")) ? "no server has taken it" : text(row, "reason"));
    }
    return table.toString();
  }

  private String stale(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("VM", "NEWEST RESTORE POINT", "AGE", "LAST BACKUP", "STATUS", "ERROR");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          text(row, "vm_name"),
          row.get("restore_point_at") == null ? "none" : at(row, "restore_point_at"),
          time(row, "age_seconds"),
          text(row, "last_backup_id"),
          text(row, "last_status"),
          text(row, "last_error"));
    }
    return table.toString();
  }

  private String fulls(List<Map<String, @Nullable Object>> rows) {
    Table table = new Table("ENDED", "VM", "DISK", "REASON", "STORED", "CAUSE");
    for (Map<String, @Nullable Object> row : rows) {
      table.add(
          at(row, "completed_at"),
          text(row, "vm_name"),
          text(row, "disk_id") + " " + text(row, "disk_key"),
          text(row, "reason"),
          size(row, "bytes_stored"),
          text(row, "cause"));
    }
    return table.toString();
  }

  private static String level(Map<String, @Nullable Object> disk) {
    return disk.get("level") == null
        ? "-"
        : text(disk, "level") + " (" + text(disk, "reason") + ")";
  }

  private static String text(Map<String, @Nullable Object> row, String name) {
    return row.get(name) == null ? "-" : BackupText.printable(String.valueOf(row.get(name)));
  }

  private static String size(Map<String, @Nullable Object> row, String name) {
    return row.get(name) instanceof Number bytes ? Sizes.bytes(bytes.longValue()) : "-";
  }

  private static String rate(Map<String, @Nullable Object> row) {
    String size = size(row, "bytes_per_second");
    return size.equals("-") ? size : size + "/s";
  }

  private static String time(Map<String, @Nullable Object> row, String name) {
    return row.get(name) instanceof Number seconds
        ? Sizes.time(Duration.ofSeconds(seconds.longValue()))
        : "-";
  }

  private String at(Map<String, @Nullable Object> row, String name) {
    return row.get(name) instanceof String time
        ? new BackupText(zone).time(OffsetDateTime.parse(time).toInstant())
        : "-";
  }
}
