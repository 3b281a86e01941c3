package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Who gives up what an ended backup holds: its snapshot, its marks at the source, its partial
 * images. That takes long, so no lock is held meanwhile. Whoever gives up says so here and looks
 * for running backups then; whoever begins or relaunches a backup is RUNNING and looks here then:
 * at least one of the two sees the other. Safe for use by several threads.
 */
public final class Releases {

  /** A backup that is being given up by the process with this lease. */
  public record Release(BackupId backup, long leaseToken) {}

  /** Later than any snapshot is to be held. */
  public static final Instant FOREVER = Instant.parse("9999-12-31T00:00:00Z");

  private final JdbcClient jdbc;
  private final Transactions transactions;
  private final Leases leases;
  private final Clock clock;
  private final IndexOrder order;

  public Releases(
      DataSource dataSource, PlatformTransactionManager manager, Leases leases, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
    this.leases = leases;
    this.clock = clock;
    this.order = IndexOrder.of(dataSource);
  }

  /**
   * Takes it upon the holder of a lease to give up a backup. A process that does so twice at once
   * has to know that itself.
   *
   * @param heldBefore a snapshot that is to be held until then or longer is not given up
   * @return false when the backup runs, waits, or is or was a restore point; when its snapshot is
   *     held longer; when another living process is at it
   */
  public boolean begin(BackupId id, long leaseToken, Instant heldBefore) {
    return transactions.in(() -> {
      Optional<Long> other =
          jdbc.sql("select released_by from backups where id = :id for update")
              .param("id", id.value())
              .query((row, index) -> row.getLong("released_by"))
              .optional()
              .filter(token -> token != 0 && token != leaseToken);
      if (other.filter(leases::alive).isPresent()) {
        return false;
      }
      return jdbc.sql(
                  """
                  update backups set released_by = :token,
                    snapshot_keep_until = coalesce(snapshot_keep_until, :now)
                  where id = :id and status in ('FAILED', 'STOPPED', 'ABANDONED')
                    and (snapshot_keep_until is null or snapshot_keep_until < :before)\
                  """)
              .param("token", leaseToken)
              .param("now", UtcTime.of(clock.instant()))
              .param("before", UtcTime.of(heldBefore))
              .param("id", id.value())
              .update()
          == 1;
    });
  }

  /** Notes that nothing is held any more. Changes nothing when another process is at it. */
  public void done(Release release) {
    jdbc.sql(
            """
            update backups set released_by = null, snapshot_handle = null,
              snapshot_keep_until = null
            where id = :id and released_by = :token\
            """)
        .param("id", release.backup().value())
        .param("token", release.leaseToken())
        .update();
  }

  /**
   * Notes that a backup may hold a snapshot that it could not name any more before its process
   * died. Changes nothing where one is known.
   *
   * @param keepUntil from then on it is let go, if nobody goes on with the backup
   */
  public void mayHold(BackupId id, Instant keepUntil) {
    jdbc.sql(
            """
            update backups set snapshot_keep_until = :keep
            where id = :id and snapshot_keep_until is null and execution_id is not null\
            """)
        .param("keep", UtcTime.of(keepUntil))
        .param("id", id.value())
        .update();
  }

  /** Notes that something is held still, and nobody at work on it. */
  public void undone(Release release) {
    jdbc.sql("update backups set released_by = null where id = :id and released_by = :token")
        .param("id", release.backup().value())
        .param("token", release.leaseToken())
        .update();
  }

  /**
   * Ends a failed or stopped backup for good, whoever ran it.
   *
   * @return false when it is neither by now, as when it was relaunched
   */
  public boolean abandoned(BackupId id) {
    return transactions.in(() -> {
      boolean abandoned =
          jdbc.sql(
                      """
                      update backups set status = 'ABANDONED', completed_at = :now
                      where id = :id and status in ('FAILED', 'STOPPED')\
                      """)
                  .param("now", UtcTime.of(clock.instant()))
                  .param("id", id.value())
                  .update()
              == 1;
      if (abandoned) {
        DiskBackups.allUnfinished(jdbc, id, Status.ABANDONED);
      }
      return abandoned;
    });
  }

  /** What is being given up of a VM, by whichever process. */
  public List<Release> of(RepositoryId repository, VmId vm) {
    return jdbc.sql(
            """
            select id, released_by from backups%s
            where released_by > 0 and vm_id = :vm and repository_id = :repository\
            """
                .formatted(order.by("backups_by_release")))
        .param("vm", vm.value())
        .param("repository", repository.value())
        .query((row, index) ->
            new Release(new BackupId(row.getString("id")), row.getLong("released_by")))
        .list();
  }
}
