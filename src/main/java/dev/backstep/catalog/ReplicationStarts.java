package dev.backstep.catalog;

import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import javax.sql.DataSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What became of the newest start that the schedule of each replication asked for. Servers of one
 * database share it, so that each start is made by one of them. Safe for use by several threads.
 */
public final class ReplicationStarts {

  private final JdbcClient jdbc;
  private final Leases leases;
  private final Clock clock;

  /**
   * @param clock that of the runs' rows
   */
  public ReplicationStarts(DataSource dataSource, Leases leases, Clock clock) {
    this.jdbc = JdbcClient.create(dataSource);
    this.leases = leases;
    this.clock = clock;
  }

  /**
   * The newest start that a server has taken; none before this moment is due for a VM that is new
   * here.
   */
  public Instant last(VmId vm, Instant now) {
    Optional<Instant> known = find(vm);
    if (known.isPresent()) {
      return known.get();
    }
    try {
      jdbc.sql("insert into replication_fires (vm_id, due_at, outcome) values (:vm, :now, 'NONE')")
          .param("vm", vm.value())
          .param("now", UtcTime.of(now))
          .update();
    } catch (DuplicateKeyException e) {
      return find(vm).orElseThrow(() -> e);
    }
    return find(vm).orElse(now);
  }

  private Optional<Instant> find(VmId vm) {
    return jdbc.sql("select due_at from replication_fires where vm_id = :vm")
        .param("vm", vm.value())
        .query((row, index) -> UtcTime.read(row, "due_at"))
        .optional();
  }

  /**
   * Takes a start.
   *
   * @param last as it was read
   * @param leaseToken of the process that is to make it
   * @return whether no other server was first
   */
  public boolean take(VmId vm, Instant last, Instant due, long leaseToken) {
    return jdbc.sql(
                """
                update replication_fires
                set due_at = :due, outcome = 'TAKEN', reason = null, run_id = null,
                  taken_by = :token, taken_at = :now, due_before = :last
                where vm_id = :vm and due_at = :last\
                """)
            .param("due", UtcTime.of(due))
            .param("token", leaseToken)
            .param("now", UtcTime.of(clock.instant()))
            .param("vm", vm.value())
            .param("last", UtcTime.of(last))
            .update()
        == 1;
  }

  /**
   * Makes a start due again that was taken by this process, or by one that does not live, and of
   * which no run came. Of a run that did begin, it is noted that it has.
   *
   * @param leaseToken of this process
   * @param reason why none began
   */
  public void giveBack(VmId vm, long leaseToken, String reason) {
    Optional<Taken> taken =
        jdbc.sql(
                """
                select taken_by,
                  (select max(r.id) from replication_runs r
                    where r.vm_id = f.vm_id and r.created_at >= f.taken_at) as run_id
                from replication_fires f where vm_id = :vm and outcome = 'TAKEN'
                  and taken_by is not null\
                """)
            .param("vm", vm.value())
            .query((row, index) ->
                new Taken(row.getLong("taken_by"), Optional.ofNullable(row.getString("run_id"))))
            .optional();
    if (taken.isEmpty()) {
      return;
    }
    long by = taken.get().by();
    if (by != leaseToken && leases.alive(by)) {
      return;
    }
    if (taken.get().run().isPresent()) {
      ended(vm, by, "STARTED", Optional.empty(), taken.get().run());
    } else {
      dueAgain(vm, by, reason);
    }
  }

  private void dueAgain(VmId vm, long leaseToken, String reason) {
    jdbc.sql(
            """
            update replication_fires
            set due_at = due_before, outcome = 'WAITING', reason = :reason
            where vm_id = :vm and outcome = 'TAKEN' and taken_by = :token\
            """)
        .param("reason", reason)
        .param("vm", vm.value())
        .param("token", leaseToken)
        .update();
  }

  private record Taken(long by, Optional<String> run) {}

  /**
   * Notes what a start became.
   *
   * @param leaseToken under which it was taken
   * @param outcome STARTED, SKIPPED or FAILED
   */
  public void ended(
      VmId vm, long leaseToken, String outcome, Optional<String> reason, Optional<String> run) {
    jdbc.sql(
            """
            update replication_fires set outcome = :outcome, reason = :reason, run_id = :run
            where vm_id = :vm and outcome = 'TAKEN' and taken_by = :token\
            """)
        .param("outcome", outcome)
        .param("reason", reason.orElse(null))
        .param("run", run.orElse(null))
        .param("vm", vm.value())
        .param("token", leaseToken)
        .update();
  }

  /** How many replications run, on all servers. */
  public long running() {
    return jdbc.sql("select count(*) from tasks where status = 'RUNNING' and kind = 'REPLICATE'")
        .query(Long.class)
        .single();
  }
}
