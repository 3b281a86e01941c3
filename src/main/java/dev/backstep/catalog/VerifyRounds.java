package dev.backstep.catalog;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Rounds of verification that servers do by themselves. Each method joins the surrounding
 * transaction. Safe for use by several threads.
 */
public final class VerifyRounds {

  private final JdbcClient jdbc;
  private final RoundTable table;

  public VerifyRounds(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
    this.table = new RoundTable(jdbc, "verify_rounds");
  }

  /**
   * An image that may be verified.
   *
   * @param provenAt when its data was last found right; empty for never
   */
  public record Candidate(
      DiskBackupId image, long bytesStored, Instant completedAt, Optional<Instant> provenAt) {}

  /**
   * The images of a VM, a backing image before those on it; without those that are called damaged,
   * which an operator has been told of: read again each time, they would take the place of others.
   */
  public List<Candidate> candidates(VmId vm) {
    return jdbc.sql(
            """
            select d.id, d.bytes_stored, d.completed_at, p.proven_at
            from backup_disks d
            left join image_proofs p on p.disk_backup_id = d.id and p.proof = 'DATA'
            where d.vm_id = :vm and d.status = 'COMPLETED' and d.damaged = false
            order by d.repository_id, d.disk_id, d.lineage_no\
            """)
        .param("vm", vm.value())
        .query((row, index) ->
            new Candidate(
                new DiskBackupId(row.getString("id")),
                row.getLong("bytes_stored"),
                UtcTime.read(row, "completed_at"),
                UtcTime.find(row, "proven_at")))
        .list();
  }

  /** When the VM's newest round was. */
  public Optional<Instant> last(VmId vm) {
    return table.last(vm);
  }

  /** Whether a verification that a round began still runs, of whichever VM. */
  public boolean anyRuns() {
    return table.anyRuns();
  }

  /** Whether the VM has a backup that runs or waits, or its repository as many as it may have. */
  public boolean busy(VmId vm, int perRepositoryMax) {
    return jdbc.sql(
                    """
                    select count(*) from backups where vm_id = :vm and status in ('RUNNING', 'QUEUED')\
                    """)
                .param("vm", vm.value())
                .query(Long.class)
                .single()
            > 0
        || jdbc.sql(
                    """
                    select count(*) from (
                      select b.repository_id from backups b where b.status = 'RUNNING'
                        and b.repository_id in (
                          select d.repository_id from backup_disks d where d.vm_id = :vm)
                      group by b.repository_id having count(*) >= :most) full_ones\
                    """)
                .param("vm", vm.value())
                .param("most", perRepositoryMax)
                .query(Long.class)
                .single()
            > 0;
  }

  /**
   * Notes a round.
   *
   * @param task its verification; empty when there was nothing to verify
   * @param oldest when the image was proven, or written, of which that is longest ago
   */
  public void ran(VmId vm, Instant ranAt, Optional<String> task, Optional<Instant> oldest) {
    String set = "ran_at = :ran, task_id = :task, oldest_proof_at = :oldest";
    if (round("update verify_rounds set " + set + " where vm_id = :vm", vm, ranAt, task, oldest)
        == 0) {
      round(
          """
          insert into verify_rounds (vm_id, ran_at, task_id, oldest_proof_at)
          values (:vm, :ran, :task, :oldest)\
          """,
          vm,
          ranAt,
          task,
          oldest);
    }
  }

  private int round(
      String sql, VmId vm, Instant ranAt, Optional<String> task, Optional<Instant> oldest) {
    return jdbc.sql(sql)
        .param("vm", vm.value())
        .param("ran", UtcTime.of(ranAt))
        .param("task", task.orElse(null))
        .param("oldest", oldest.map(UtcTime::of).orElse(null))
        .update();
  }
}
