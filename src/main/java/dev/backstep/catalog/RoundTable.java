package dev.backstep.catalog;

import dev.backstep.domain.VmId;
import java.time.Instant;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * A table with the newest round of each VM, and the task that it began: {@code vm_id, ran_at,
 * task_id}.
 */
record RoundTable(JdbcClient jdbc, String table) {

  /** When the VM's newest round was. */
  Optional<Instant> last(VmId vm) {
    return jdbc.sql("select ran_at from " + table + " where vm_id = :vm")
        .param("vm", vm.value())
        .query((row, index) -> UtcTime.read(row, "ran_at"))
        .optional();
  }

  /** Whether a task that a round began still runs, of whichever VM. */
  boolean anyRuns() {
    return jdbc.sql(
                "select count(*) from "
                    + table
                    + " r join tasks t on t.id = r.task_id where t.status = 'RUNNING'")
            .query(Long.class)
            .single()
        > 0;
  }
}
