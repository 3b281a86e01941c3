package dev.backstep.catalog;

import dev.backstep.domain.VmId;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
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
   * here. One that was taken by this process, or by one that does not live, and of which no run
   * came, is given back before.
   *
   * @param leaseToken of this process
   */
  public Instant last(VmId vm, long leaseToken, Instant now) {
    Optional<Newest> known = find(vm);
    if (known.isEmpty()) {
      insert(vm, now);
      return find(vm).map(Newest::due).orElse(now);
    }
    OptionalLong by = known.get().takenBy();
    if (by.isEmpty() || (by.getAsLong() != leaseToken && leases.alive(by.getAsLong()))) {
      return known.get().due();
    }
    giveBack(vm, by.getAsLong(), "it was taken by a server, and did not begin");
    return find(vm).orElseThrow().due();
  }

  /**
   * @param takenBy the lease of who has taken it and not said what became of it
   */
  private record Newest(Instant due, OptionalLong takenBy) {}

  private void insert(VmId vm, Instant now) {
    try {
      jdbc.sql("insert into replication_fires (vm_id, due_at, outcome) values (:vm, :now, 'NONE')")
          .param("vm", vm.value())
          .param("now", UtcTime.of(now))
          .update();
    } catch (DuplicateKeyException e) {
      return; // another server was first
    }
  }

  private Optional<Newest> find(VmId vm) {
    return jdbc.sql("select due_at, outcome, taken_by from replication_fires where vm_id = :vm")
        .param("vm", vm.value())
        .query((row, index) -> {
          long by = row.getString("outcome").equals("TAKEN") ? row.getLong("taken_by") : 0;
          return new Newest(
              UtcTime.read(row, "due_at"), by == 0 ? OptionalLong.empty() : OptionalLong.of(by));
        })
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
   * Makes a start due again of which no run came. Of a run that did begin, it is noted that it has.
   *
   * @param leaseToken under which it was taken
   * @param reason why none began
   */
  public void giveBack(VmId vm, long leaseToken, String reason) {
    Optional<String> run =
        jdbc.sql(
                """
                select max(r.id) as id from replication_runs r
                join replication_fires f on f.vm_id = r.vm_id and r.created_at >= f.taken_at
                where f.vm_id = :vm and f.taken_by = :token\
                """)
            .param("vm", vm.value())
            .param("token", leaseToken)
            .query((row, index) -> Optional.ofNullable(row.getString("id")))
            .single();
    if (run.isPresent()) {
      ended(vm, leaseToken, "STARTED", Optional.empty(), run);
    } else {
      dueAgain(vm, leaseToken, reason);
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
