package dev.backstep.catalog;

import dev.backstep.domain.Sha256;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
   * @param places every name of a target, with the target as an operator knows it
   * @throws TargetBusyException when another one that runs has it
   */
  static void take(JdbcClient jdbc, String task, Map<String, String> places) {
    long turn = lock(jdbc) + 1;
    jdbc.sql("update restore_turn set turn = :turn").param("turn", turn).update();
    Map<String, String> byKey = new TreeMap<>();
    places.forEach((name, place) -> byKey.put(Sha256.of(name), place));
    requireUnwritten(jdbc, byKey);
    for (String key : byKey.keySet()) {
      jdbc.sql(
              """
              insert into restore_targets (task_id, target_key, turn) values (:task, :key, :turn)\
              """)
          .param("task", task)
          .param("key", key)
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
      JdbcClient jdbc, String run, String replication, Map<String, String> places) {
    lock(jdbc);
    List<String> keys = places.keySet().stream().map(Sha256::of).toList();
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
    take(jdbc, run, places);
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

  private static void requireUnwritten(JdbcClient jdbc, Map<String, String> byKey) {
    jdbc.sql(
            """
            select w.target_key, t.id from restore_targets w join tasks t on t.id = w.task_id
            where w.target_key in (:keys) and t.status = 'RUNNING'\
            """)
        .param("keys", byKey.keySet())
        .query((row, index) ->
            new TargetBusyException(
                String.valueOf(byKey.get(row.getString("target_key"))), row.getString("id")))
        .list()
        .forEach(busy -> {
          throw busy;
        });
  }

  /**
   * Lets a restore go on that the same transaction has made run again.
   *
   * @throws SupersededException when another one was begun onto any of its targets since, or nobody
   *     can tell
   */
  static void requireNewest(JdbcClient jdbc, String task) {
    lock(jdbc);
    long known =
        jdbc.sql("select count(*) from restore_targets where task_id = :task")
            .param("task", task)
            .query(Long.class)
            .single();
    if (known == 0) {
      throw new SupersededException(task);
    }
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
