package dev.backstep.catalog;

import dev.backstep.domain.Sha256;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What restores and runs of replications write to. Whether one may begin or go on is decided by one
 * transaction at a time, in whatever process: while one writes no other begins, and a restore that
 * another one was begun over since is not gone on with. A target has several names where links lead
 * to it; one in common makes two the same.
 */
final class WrittenTargets {

  private WrittenTargets() {}

  /**
   * Gives a task what it writes to, until a newer one asks for it.
   *
   * @param task noted, or locked, by the same transaction
   * @throws TargetBusyException when another one that runs has it
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

  /**
   * The same for a run of a replication, in place of its earlier runs and tries.
   *
   * @return who has had it since one of those
   */
  static Optional<String> retake(
      JdbcClient jdbc, String run, String replication, Set<String> names) {
    lock(jdbc);
    List<String> keys = names.stream().map(Sha256::of).toList();
    long own =
        jdbc.sql(
                """
                select coalesce(max(turn), 0) from restore_targets where target_key in (:keys)
                  and task_id in (select id from replication_runs where replication_id = :own)\
                """)
            .param("keys", keys)
            .param("own", replication)
            .query(Long.class)
            .single();
    jdbc.sql(
            """
            delete from restore_targets where target_key in (:keys)
              and task_id in (select id from replication_runs where replication_id = :own)\
            """)
        .param("keys", keys)
        .param("own", replication)
        .update();
    take(jdbc, run, names);
    return jdbc.sql(
            """
            select task_id from restore_targets
            where target_key in (:keys) and turn > :own and task_id <> :run
            order by turn desc limit 1\
            """)
        .param("keys", keys)
        .param("own", own)
        .param("run", run)
        .query((row, index) -> row.getString("task_id"))
        .optional();
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
   * @throws SupersededException when another one was begun onto any of its targets since
   */
  static void requireNewest(JdbcClient jdbc, String task) {
    lock(jdbc);
    newer(jdbc, task)
        .ifPresent(newer -> {
          throw new SupersededException(task, newer);
        });
  }

  /** The newest task that was begun onto a target of this one since. */
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
