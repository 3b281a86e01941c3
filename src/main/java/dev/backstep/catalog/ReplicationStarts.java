package dev.backstep.catalog;

import dev.backstep.domain.VmId;
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

  public ReplicationStarts(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
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
   * Takes a start, or gives it back by taking the one before.
   *
   * @param last as it was read
   * @return whether no other server was first
   */
  public boolean take(VmId vm, Instant last, Instant due) {
    return jdbc.sql(
                """
                update replication_fires
                set due_at = :due, outcome = 'TAKEN', reason = null, run_id = null
                where vm_id = :vm and due_at = :last\
                """)
            .param("due", UtcTime.of(due))
            .param("vm", vm.value())
            .param("last", UtcTime.of(last))
            .update()
        == 1;
  }

  /**
   * Notes what a start became.
   *
   * @param outcome STARTED, SKIPPED, FAILED or WAITING
   */
  public void ended(
      VmId vm, Instant due, String outcome, Optional<String> reason, Optional<String> run) {
    jdbc.sql(
            """
            update replication_fires set outcome = :outcome, reason = :reason, run_id = :run
            where vm_id = :vm and due_at = :due\
            """)
        .param("outcome", outcome)
        .param("reason", reason.orElse(null))
        .param("run", run.orElse(null))
        .param("vm", vm.value())
        .param("due", UtcTime.of(due))
        .update();
  }

  /** How many replications run, on all servers. */
  public long running() {
    return jdbc.sql("select count(*) from tasks where status = 'RUNNING' and kind = 'REPLICATE'")
        .query(Long.class)
        .single();
  }
}
