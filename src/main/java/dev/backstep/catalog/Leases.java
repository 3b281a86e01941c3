package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.GeneratedKeyHolder;

/**
 * Who is alive. A process holds a lease and renews it; a backup carries its owner's token, so that
 * one that slept through its lease publishes nothing. Safe for use by several threads.
 */
public final class Leases {

  private static final Duration DEAD_ROWS_KEPT = Duration.ofDays(7);

  private final JdbcClient jdbc;
  private final CatalogClock clock;

  public Leases(DataSource dataSource, Clock clock) {
    this(dataSource, CatalogClock.of(dataSource, clock));
  }

  Leases(DataSource dataSource, CatalogClock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.clock = clock;
  }

  /** A new lease for {@code ttl} from now. Also forgets leases that ended long ago. */
  public Lease acquire(ProcessIdentity owner, Duration ttl) {
    Instant now = clock.now();
    Instant end = now.plus(ttl);
    jdbc.sql("delete from leases where expires_at < :end")
        .param("end", UtcTime.of(now.minus(DEAD_ROWS_KEPT)))
        .update();
    GeneratedKeyHolder key = new GeneratedKeyHolder();
    jdbc.sql(
            """
            insert into leases
              (host, process_id, process_start, acquired_at, renewed_at, expires_at)
            values (:host, :process, :start, :now, :now, :end)\
            """)
        .param("host", owner.host())
        .param("process", owner.processId())
        .param("start", owner.start())
        .param("now", UtcTime.of(now))
        .param("end", UtcTime.of(end))
        .update(key, "token");
    Number token = key.getKey();
    if (token == null) {
      throw new IllegalStateException("the database gave the new lease no token");
    }
    return new Lease(token.longValue(), owner, now, end);
  }

  /**
   * Lets the lease end {@code ttl} from now.
   *
   * @throws FencedException when it has ended already; others may have acted on that
   */
  public void renew(long token, Duration ttl) throws FencedException {
    Instant now = clock.now();
    int renewed =
        jdbc.sql(
                """
                update leases set renewed_at = :now, expires_at = :end
                where token = :token and expires_at > :now\
                """)
            .param("now", UtcTime.of(now))
            .param("end", UtcTime.of(now.plus(ttl)))
            .param("token", token)
            .update();
    if (renewed == 0) {
      throw new FencedException(
          "lease " + token + " has ended before it was renewed; take a new one and relaunch");
    }
  }

  /** Ends the lease now; one that is gone already is fine. */
  public void release(long token) {
    jdbc.sql("delete from leases where token = :token").param("token", token).update();
  }

  /** Whether the lease has time left and its process is not known to be gone. */
  public boolean alive(long token) {
    return find(token)
        .filter(lease -> lease.expiresAt().isAfter(clock.now()))
        .filter(lease -> !lease.owner().isGone())
        .isPresent();
  }

  /** The lease, ended or not; empty when it was released or forgotten. */
  public Optional<Lease> find(long token) {
    return jdbc.sql("select * from leases where token = :token")
        .param("token", token)
        .query((row, index) -> lease(row))
        .optional();
  }

  /**
   * Asks whether the holder of {@code token} may publish for the backup at this moment.
   *
   * @throws FencedException when the lease has ended, the backup has another owner or none, or it
   *     does not run
   */
  public void check(long token, BackupId backup) throws FencedException {
    BackupOwner owner =
        BackupOwner.find(jdbc, backup)
            .orElseThrow(() -> new FencedException("backup " + backup + " is not in the catalog"));
    check(token, owner);
  }

  void check(long token, BackupOwner owner) throws FencedException {
    if (!owner.isRunBy(token)) {
      throw new FencedException(
          "backup "
              + owner.backup()
              + " is "
              + owner.status()
              + " under "
              + text(owner.token())
              + ", expected RUNNING under lease "
              + token
              + "; another process took it over");
    }
    if (!alive(token)) {
      throw new FencedException(
          "lease " + token + " of backup " + owner.backup() + " has ended; relaunch the backup");
    }
  }

  /**
   * Takes it upon this process to let the snapshot of a sealed backup go: whoever begins one of its
   * VM meanwhile waits for that.
   *
   * @param from the lease that it was read with
   * @return false when the snapshot is gone, or another process was first
   */
  public boolean takeClosing(BackupId id, long from, long leaseToken) {
    return jdbc.sql(
                """
                update backups set lease_token = :token
                where id = :id and lease_token = :from and status <> 'RUNNING'
                  and snapshot_keep_until is not null\
                """)
            .param("token", leaseToken)
            .param("from", from)
            .param("id", id.value())
            .update()
        == 1;
  }

  /** The time by which leases end. */
  Instant now() {
    return clock.now();
  }

  private static String text(OptionalLong token) {
    return token.isPresent() ? "lease " + token.getAsLong() : "no lease";
  }

  private static Lease lease(ResultSet row) throws SQLException {
    return new Lease(
        row.getLong("token"),
        new ProcessIdentity(
            row.getString("host"), row.getLong("process_id"), row.getString("process_start")),
        UtcTime.read(row, "acquired_at"),
        UtcTime.read(row, "expires_at"));
  }
}
