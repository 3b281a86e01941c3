package dev.backstep.catalog;

import dev.backstep.domain.Sha256;
import java.util.Optional;
import java.util.Set;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What restores write to. Whether one may begin or go on is decided by one transaction at a time,
 * in whatever process: while one writes no other begins, and what was begun onto since is not gone
 * on with. A target has several names where links lead to it; one in common makes two the same.
 */
final class WrittenTargets {

  private WrittenTargets() {}

  /**
   * Gives a restore what it writes to, until a newer one asks for it.
   *
   * @param task noted by the same transaction
   * @throws TargetBusyException when another restore that runs has it
   */
  static void take(JdbcClient jdbc, String task, Set<String> names) {
    long turn = lock(jdbc) + 1;
    jdbc.sql("update restore_turn set turn = :turn").param("turn", turn).update();
    for (String name : names) {
      requireUnwritten(jdbc, name);
      jdbc.sql(
              """
              insert into restore_targets (task_id, target_key, turn) values (:task, :key, :turn)\
              """)
          .param("task", task)
          .param("key", Sha256.of(name))
          .param("turn", turn)
          .update();
    }
  }

  private static long lock(JdbcClient jdbc) {
    return jdbc.sql("select turn from restore_turn for update").query(Long.class).single();
  }

  private static void requireUnwritten(JdbcClient jdbc, String name) {
    jdbc.sql(
            """
            select min(t.id) as id from restore_targets w join tasks t on t.id = w.task_id
            where w.target_key = :key and t.status = 'RUNNING'\
            """)
        .param("key", Sha256.of(name))
        .query((row, index) -> Optional.ofNullable(row.getString("id")))
        .single()
        .ifPresent(running -> {
          throw new TargetBusyException(name, running);
        });
  }

  /**
   * Lets a restore go on that the same transaction has made run again.
   *
   * @throws SupersededException when a newer one was begun onto any of its targets
   */
  static void requireNewest(JdbcClient jdbc, String task) {
    lock(jdbc);
    newer(jdbc, task)
        .ifPresent(newer -> {
          throw new SupersededException(task, newer);
        });
  }

  /** The newest restore that was begun onto a target of this one since. */
  static Optional<String> newer(JdbcClient jdbc, String task) {
    return jdbc.sql(
            """
            select o.task_id from restore_targets w
              join restore_targets o on o.target_key = w.target_key and o.turn > w.turn
            where w.task_id = :task order by o.turn desc limit 1\
            """)
        .param("task", task)
        .query((row, index) -> row.getString("task_id"))
        .optional();
  }
}
