package dev.backstep.catalog;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.Locale;
import java.util.Map;
import javax.sql.DataSource;
import org.springframework.batch.core.job.DefaultJobKeyGenerator;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.repository.dao.JacksonExecutionContextStringSerializer;

/**
 * Years of backups, written straight into the tables as the program would have left them: the
 * catalog's rows and Batch's, contexts and parameters included. One VM has a fifth of all backups,
 * the others share the rest. The same arguments give the same rows.
 *
 * @param backups how many, each a job execution
 * @param disks disks of each, each a partition
 * @param vms how many VMs
 * @param end when the newest one began; one begins each five minutes before it
 */
public record BulkHistory(int backups, int disks, int vms, Instant end) {

  /** The VM that has a fifth of all backups. */
  public static final String BUSY_VM = "vm-0";

  /** The verification of every image; a quarter of them has a finding. */
  public static final String OF_ALL = "task-all";

  private static final Duration PERIOD = Duration.ofMinutes(5);
  private static final int ROWS_PER_BATCH = 1000;
  private static final long GIB = 1L << 30;

  private static final DefaultJobKeyGenerator KEYS = new DefaultJobKeyGenerator();

  private static final String CONTEXT = context();

  /** The newest ones run: these many under a living lease, one under one that has ended. */
  static final int RUNNING = 9;

  /** One in so many has failed, one in twice so many was a full copy. */
  private static final int FAILED_EVERY = 25;

  private static final int BACKUPS_PER_TASK = 5;

  /**
   * What follows from the rows that are there: proofs, verifications, plans, replications, tokens,
   * and who asked.
   */
  private static final String[] DERIVED = {
    """
    insert into image_proofs (disk_backup_id, proof, proven_at)
    select id, 'CHECKSUMMED', completed_at from backup_disks where status = 'COMPLETED'\
    """,
    """
    insert into verifications (id, backup_id, whole)
    select id, subject, false from tasks where kind = 'VERIFY'\
    """,
    """
    insert into verification_images (verification_id, image_no, disk_backup_id, result,
      bytes_checked)
    select v.id, d.disk_id + 1, d.id, 'CLEAN', d.bytes_stored
    from verifications v join backup_disks d on d.backup_id = v.backup_id\
    """,
    """
    insert into image_proofs (disk_backup_id, proof, proven_at, execution_id)
    select i.disk_backup_id, 'DATA', t.completed_at, t.execution_id
    from verification_images i join tasks t on t.id = i.verification_id\
    """,
    """
    insert into tasks (id, kind, subject, settings, status, created_at, completed_at)
    select 'task-all', 'VERIFY', 'all images', '', 'COMPLETED', max(created_at), max(created_at)
    from tasks\
    """,
    """
    insert into verifications (id, whole) values ('task-all', true)\
    """,
    """
    insert into verification_images (verification_id, image_no, disk_backup_id, result,
      bytes_checked)
    select 'task-all', row_number() over (order by id), id, 'CLEAN', bytes_stored
    from backup_disks\
    """,
    """
    insert into verification_findings (verification_id, image_no, finding_no, kind, found, expected)
    select verification_id, image_no, 1, 'DATA', 'other bytes', 'those that were written'
    from verification_images where verification_id = 'task-all' and mod(image_no, 4) = 0\
    """,
    """
    insert into prune_plans (id, subject, status, definitions, drops, bytes_freed, created_at,
      created_by)
    select id, subject, 'RUN', 'vm: x', subject, 1, created_at, 'schedule'
    from tasks where kind = 'PRUNE'\
    """,
    """
    insert into replications (id, vm_path, mover, created_at)
    select id, name, 'EXTERNAL', created_at from vms\
    """,
    """
    insert into replication_disks (replication_id, disk_key, state, change_id, changed_at)
    select d.vm_id, d.disk_key, 'WHOLE', 'mark', v.created_at
    from vm_disks d join vms v on v.id = d.vm_id\
    """,
    """
    insert into replication_runs (id, replication_id, run_no, mover, status, created_at,
      completed_at)
    select id, vm_id, execution_id, 'EXTERNAL', 'COMPLETED', created_at, completed_at
    from backups where status = 'COMPLETED' and mod(execution_id, 3) = 0\
    """,
    """
    insert into replication_run_disks (run_id, disk_no, disk_key, status, level, reason, change_id)
    select r.id, d.disk_id, d.disk_key, 'COMPLETED', d.level, d.reason, d.change_id
    from replication_runs r join backup_disks d on d.backup_id = r.id\
    """,
    """
    insert into api_tokens (name, secret_hash, role, created_at)
    select id, id, 'OPERATOR', created_at from vms\
    """,
    """
    insert into audit (at, who, remote_address, action, result)
    select created_at, vm_id, '192.0.2.1', 'POST /api/v1/backups', 202 from backups
    union all select created_at, vm_id, 'local', 'backup', 200 from backups\
    """,
  };

  /** Writes all of it; the tables must be there and empty. */
  public void write(DataSource dataSource) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      boolean mariaDb =
          connection
              .getMetaData()
              .getDatabaseProductName()
              .toUpperCase(Locale.ROOT)
              .contains("MARIA");
      connection.setAutoCommit(false);
      if (mariaDb) {
        execute(connection, "set session foreign_key_checks = 0, unique_checks = 0");
      }
      new Rows(connection).write();
      connection.commit();
      if (mariaDb) {
        execute(connection, "set session foreign_key_checks = 1, unique_checks = 1");
        execute(
            connection,
            "analyze table backups, backup_disks, fires, tasks, verifications,"
                + " verification_images, image_proofs, replication_runs, replication_run_disks,"
                + " audit, BATCH_JOB_EXECUTION, BATCH_STEP_EXECUTION");
      } else {
        execute(connection, "analyze");
      }
      connection.setAutoCommit(true);
    }
  }

  /** The id of the backup with this number; 0 is the oldest. */
  public String backupId(int number) {
    return "backup-" + vmId(number) + "-" + number;
  }

  /** The VM of the backup with this number. */
  public String vmId(int number) {
    return number % 5 == 0 || vms == 1 ? BUSY_VM : "vm-" + (1 + number % (vms - 1));
  }

  private Instant begun(int number) {
    return end.minus(PERIOD.multipliedBy(backups - 1L - number));
  }

  private String status(int number) {
    if (number >= backups - RUNNING - 1) {
      return "RUNNING";
    }
    return number % FAILED_EVERY == 7 ? "FAILED" : "COMPLETED";
  }

  /** As the program has Batch write it. */
  private static String context() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      new JacksonExecutionContextStringSerializer()
          .serialize(Map.of("disk_id", 1, "bytes_read", GIB, "batch.version", "6.0.6"), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The statements, each with its rows of one batch. */
  private final class Rows {

    private final Connection connection;

    Rows(Connection connection) {
      this.connection = connection;
    }

    void write() throws SQLException {
      parents();
      batches(
          """
          insert into backups (id, vm_id, repository_id, status, requested_level, definition,
            created_at, completed_at, execution_id, active_vm_id, lease_token, snapshot_handle,
            snapshot_taken_at, snapshot_keep_until, snapshot_no, error, origin, attempts,
            started_at, ran_seconds)
          values (?, ?, 'repo-1', ?, 'AUTO', ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, 'SCHEDULE', 1, ?, ?)\
          """,
          backups,
          this::backup);
      batches(
          """
          insert into backup_disks (id, backup_id, vm_id, repository_id, disk_id, disk_key, status,
            level, reason, cause, change_id, previous_change_id, base_id, chain_length,
            virtual_size, bytes_total, bytes_read, bytes_transferred, bytes_stored, image,
            lineage_no, started_at, completed_at)
          values (?, ?, ?, 'repo-1', ?, ?, ?, ?, ?, '', ?, ?, ?, 3, 107374182400, ?, ?, ?, ?, ?, ?,
            ?, ?)\
          """,
          backups * disks,
          this::disk);
      batches(
          "insert into BATCH_JOB_INSTANCE (JOB_INSTANCE_ID, VERSION, JOB_NAME, JOB_KEY) values (?,"
              + " 0, 'backup', ?)",
          backups,
          this::instance);
      batches(
          """
          insert into BATCH_JOB_EXECUTION (JOB_EXECUTION_ID, VERSION, JOB_INSTANCE_ID, CREATE_TIME,
            START_TIME, END_TIME, STATUS, EXIT_CODE, EXIT_MESSAGE, LAST_UPDATED)
          values (?, 2, ?, ?, ?, ?, ?, ?, '', ?)\
          """,
          backups,
          this::execution);
      batches(
          """
          insert into BATCH_JOB_EXECUTION_PARAMS
            (JOB_EXECUTION_ID, PARAMETER_NAME, PARAMETER_TYPE, PARAMETER_VALUE, IDENTIFYING)
          values (?, 'backup', 'java.lang.String', ?, 'Y')\
          """,
          backups,
          this::parameter);
      batches(
          "insert into BATCH_JOB_EXECUTION_CONTEXT (JOB_EXECUTION_ID, SHORT_CONTEXT) values (?, ?)",
          backups,
          this::jobContext);
      batches(
          """
          insert into BATCH_STEP_EXECUTION (STEP_EXECUTION_ID, VERSION, STEP_NAME,
            JOB_EXECUTION_ID, CREATE_TIME, START_TIME, END_TIME, STATUS, COMMIT_COUNT, READ_COUNT,
            FILTER_COUNT, WRITE_COUNT, READ_SKIP_COUNT, WRITE_SKIP_COUNT, PROCESS_SKIP_COUNT,
            ROLLBACK_COUNT, EXIT_CODE, EXIT_MESSAGE, LAST_UPDATED)
          values (?, 3, ?, ?, ?, ?, ?, ?, 40, 480, 0, 480, 0, 0, 0, 0, ?, '', ?)\
          """,
          backups * steps(),
          this::step);
      batches(
          "insert into BATCH_STEP_EXECUTION_CONTEXT (STEP_EXECUTION_ID, SHORT_CONTEXT) values (?,"
              + " ?)",
          backups * steps(),
          this::stepContext);
      server();
    }

    /** What a server adds: a start for each backup, some skipped, and a task for some of them. */
    private void server() throws SQLException {
      batches(
          "insert into fires (vm_name, scheduled_at, fired_at, outcome, reason, backup_id) values"
              + " (?, ?, ?, ?, ?, ?)",
          backups,
          this::fire);
      batches(
          "insert into schedules (vm_id, vm_name, file, definition, active_since) values (?, ?, ?,"
              + " ?, ?)",
          vms,
          this::schedule);
      execute(
          connection,
          "update schedules set last_fire_at = (select max(f.scheduled_at) from fires f where"
              + " f.vm_name = schedules.vm_name)");
      batches(
          """
          insert into tasks (id, kind, subject, settings, status, created_at, completed_at,
            execution_id)
          values (?, ?, ?, '{}', 'COMPLETED', ?, ?, ?)\
          """,
          backups / BACKUPS_PER_TASK,
          this::task);
      for (String statement : DERIVED) {
        execute(connection, statement);
      }
    }

    private void fire(PreparedStatement row, int number) throws SQLException {
      boolean skipped = number % FAILED_EVERY == 9;
      row.setString(1, vmId(number));
      row.setObject(2, UtcTime.of(begun(number)));
      row.setObject(3, UtcTime.of(begun(number).plusMillis(40)));
      row.setString(4, skipped ? "SKIPPED" : "QUEUED");
      row.setString(5, skipped ? "a backup of this VM is running" : null);
      row.setString(6, skipped ? null : backupId(number));
    }

    private void schedule(PreparedStatement row, int number) throws SQLException {
      row.setString(1, "vm-" + number);
      row.setString(2, "vm-" + number);
      row.setString(3, "jobs/vm-" + number + ".yaml");
      row.setString(4, "vm: vm-" + number + "\n" + "#".repeat(600));
      row.setObject(5, UtcTime.of(begun(0)));
    }

    private void task(PreparedStatement row, int number) throws SQLException {
      int backup = number * BACKUPS_PER_TASK;
      row.setString(1, "task-" + number);
      row.setString(2, number % 3 == 0 ? "PRUNE" : "VERIFY");
      row.setString(3, backupId(backup));
      row.setObject(4, UtcTime.of(begun(backup)));
      row.setObject(5, UtcTime.of(ended(backup)));
      row.setLong(6, backup + 1L);
    }

    /** The disks' partitions and the job's own steps. */
    private int steps() {
      return disks + OWN_STEPS.length;
    }

    private static final String[] OWN_STEPS = {
      "openSnapshot", "disks", "sealRestorePoint", "closeSnapshot"
    };

    private void parents() throws SQLException {
      execute(
          connection,
          "insert into leases (token, host, process_id, process_start, acquired_at, renewed_at,"
              + " expires_at) values (1, 'elsewhere', 1, 'x', '2026-01-01', '2026-01-01',"
              + " '2999-01-01'), (2, 'elsewhere', 2, 'x', '2026-01-01', '2026-01-01',"
              + " '2026-01-02')");
      batches(
          "insert into vms (id, name, created_at) values (?, ?, ?)",
          vms,
          (row, number) -> {
            row.setString(1, "vm-" + number);
            row.setString(2, "vm-" + number);
            row.setObject(3, UtcTime.of(begun(0)));
          });
      batches(
          "insert into vm_disks (vm_id, disk_id, disk_key) values (?, ?, ?)",
          vms * disks,
          (row, number) -> {
            row.setString(1, "vm-" + number / disks);
            row.setInt(2, number % disks);
            row.setString(3, "vd" + number % disks);
          });
    }

    private void backup(PreparedStatement row, int number) throws SQLException {
      String status = status(number);
      boolean running = status.equals("RUNNING");
      Instant begun = begun(number);
      row.setString(1, backupId(number));
      row.setString(2, vmId(number));
      row.setString(3, status);
      row.setString(4, "vm: " + vmId(number) + "\n" + "#".repeat(600));
      row.setObject(5, UtcTime.of(begun));
      row.setObject(6, running ? null : UtcTime.of(ended(number)));
      row.setLong(7, number + 1L);
      row.setString(8, running && firstOfItsVm(number) ? vmId(number) : null);
      row.setLong(9, running && number == backups - RUNNING - 1 ? 2 : 1);
      row.setString(10, running ? "handle" : null);
      row.setObject(11, UtcTime.of(begun.plusSeconds(2)));
      row.setObject(12, running ? UtcTime.of(begun.plus(Duration.ofHours(24))) : null);
      row.setObject(14, UtcTime.of(begun));
      row.setObject(15, running ? null : Duration.between(begun, ended(number)).toSeconds());
      row.setString(13, status.equals("FAILED") ? "disk 2: no space left on device" : null);
    }

    /** The key that lets one backup of a VM run allows the busy one's only once. */
    private boolean firstOfItsVm(int number) {
      for (int earlier = backups - RUNNING - 1; earlier < number; earlier++) {
        if (vmId(earlier).equals(vmId(number))) {
          return false;
        }
      }
      return true;
    }

    private void disk(PreparedStatement row, int index) throws SQLException {
      int number = index / disks;
      int disk = index % disks;
      String backup = status(number);
      String status = backup.equals("FAILED") && disk != 2 % disks ? "COMPLETED" : backup;
      boolean completed = status.equals("COMPLETED");
      boolean full = number % (2 * FAILED_EVERY) == disk || number < 2 * vms;
      long total = full ? 100 * GIB : GIB;
      long read = completed ? total : total / 4;
      row.setString(1, backupId(number) + "-disk" + disk);
      row.setString(2, backupId(number));
      row.setString(3, vmId(number));
      row.setInt(4, disk);
      row.setString(5, "vd" + disk);
      row.setString(6, status);
      row.setString(7, full ? "full" : "incremental");
      row.setString(8, full ? number < 2 * vms ? "NO_BASELINE" : "CBT_RESET" : "CHANGED_EXTENTS");
      row.setString(9, completed ? "mark-" + number + "-" + disk : null);
      row.setString(10, full ? null : "mark-before");
      row.setString(11, full ? null : "before-" + number + "-disk" + disk);
      row.setLong(12, total);
      row.setLong(13, read);
      row.setLong(14, read);
      row.setLong(15, read / 2);
      row.setString(16, completed ? backupId(number) + "-disk" + disk + ".qcow2" : null);
      row.setObject(17, completed ? number + 1L : null);
      row.setObject(18, UtcTime.of(begun(number).plusSeconds(3)));
      row.setObject(19, completed ? UtcTime.of(ended(number)) : null);
    }

    private void instance(PreparedStatement row, int number) throws SQLException {
      row.setLong(1, number + 1L);
      row.setString(
          2,
          KEYS.generateKey(
              new JobParametersBuilder()
                  .addString("backup", backupId(number), true)
                  .toJobParameters()));
    }

    private void execution(PreparedStatement row, int number) throws SQLException {
      row.setLong(1, number + 1L);
      row.setLong(2, number + 1L);
      times(row, 3, number);
      row.setString(6, batchStatus(number));
      row.setString(7, batchStatus(number));
      row.setObject(8, local(ended(number)));
    }

    private void parameter(PreparedStatement row, int number) throws SQLException {
      row.setLong(1, number + 1L);
      row.setString(2, backupId(number));
    }

    private void jobContext(PreparedStatement row, int number) throws SQLException {
      row.setLong(1, number + 1L);
      row.setString(2, CONTEXT);
    }

    private void step(PreparedStatement row, int index) throws SQLException {
      int number = index / steps();
      int step = index % steps();
      row.setLong(1, index + 1L);
      row.setString(
          2,
          step < OWN_STEPS.length
              ? OWN_STEPS[step]
              : "disk:disk-" + (step - OWN_STEPS.length) + ".snapshot-1");
      row.setLong(3, number + 1L);
      times(row, 4, number);
      row.setString(7, batchStatus(number));
      row.setString(8, batchStatus(number));
      row.setObject(9, local(ended(number)));
    }

    private void stepContext(PreparedStatement row, int index) throws SQLException {
      row.setLong(1, index + 1L);
      row.setString(2, CONTEXT);
    }

    private void times(PreparedStatement row, int at, int number) throws SQLException {
      row.setObject(at, local(begun(number)));
      row.setObject(at + 1, local(begun(number)));
      row.setObject(at + 2, status(number).equals("RUNNING") ? null : local(ended(number)));
    }

    private String batchStatus(int number) {
      String status = status(number);
      return status.equals("RUNNING") ? "STARTED" : status;
    }

    /** Some take longer, in no order; each before the next one of its VM begins. */
    private Instant ended(int number) {
      return begun(number).plusSeconds(60 + number * 7919L % 1400);
    }

    private LocalDateTime local(Instant time) {
      return LocalDateTime.ofInstant(time, ZoneId.systemDefault());
    }

    /** Fills one row. */
    private interface Filler {
      void fill(PreparedStatement row, int number) throws SQLException;
    }

    private void batches(String sql, int rows, Filler filler) throws SQLException {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        for (int number = 0; number < rows; number++) {
          filler.fill(statement, number);
          statement.addBatch();
          if (number % ROWS_PER_BATCH == ROWS_PER_BATCH - 1 || number == rows - 1) {
            statement.executeBatch();
            connection.commit();
          }
        }
      }
    }
  }
}
