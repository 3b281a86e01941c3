package dev.backstep.catalog;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * The job repository's tables, as far as they grow without end. What is forgotten is the history of
 * executions; restore points are in the catalog, and a relaunch needs only the executions of
 * backups that are neither completed nor abandoned, which stay. Safe for use by several threads.
 */
public final class BatchHistory {

  /** Statuses of executions that Batch takes for running, or whose end it does not know. */
  static final String UNFINISHED = "'STARTING', 'STARTED', 'STOPPING', 'UNKNOWN'";

  /** In one transaction; small enough that a running backup does not wait for it. */
  private static final int INSTANCES_PER_TRANSACTION = 200;

  private static final List<String> DELETES =
      List.of(
          """
          delete from BATCH_STEP_EXECUTION_CONTEXT where STEP_EXECUTION_ID in
            (select s.STEP_EXECUTION_ID from BATCH_STEP_EXECUTION s
             join BATCH_JOB_EXECUTION e on e.JOB_EXECUTION_ID = s.JOB_EXECUTION_ID
             where e.JOB_INSTANCE_ID in (:instances))\
          """,
          """
          delete from BATCH_STEP_EXECUTION where JOB_EXECUTION_ID in
            (select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION where JOB_INSTANCE_ID in (:instances))\
          """,
          """
          delete from BATCH_JOB_EXECUTION_CONTEXT where JOB_EXECUTION_ID in
            (select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION where JOB_INSTANCE_ID in (:instances))\
          """,
          """
          delete from BATCH_JOB_EXECUTION_PARAMS where JOB_EXECUTION_ID in
            (select JOB_EXECUTION_ID from BATCH_JOB_EXECUTION where JOB_INSTANCE_ID in (:instances))\
          """,
          "delete from BATCH_JOB_EXECUTION where JOB_INSTANCE_ID in (:instances)",
          "delete from BATCH_JOB_INSTANCE where JOB_INSTANCE_ID in (:instances)");

  private final JdbcClient jdbc;
  private final Transactions transactions;

  public BatchHistory(DataSource dataSource, PlatformTransactionManager manager) {
    this.jdbc = JdbcClient.create(dataSource);
    this.transactions = new Transactions(manager);
  }

  /**
   * Forgets the executions of backups that are completed or abandoned and whose executions have all
   * ended before this time, and those of tasks that were completed before it, or that {@link
   * Tasks#trim} forgets then.
   *
   * @return how many job instances
   */
  public int trim(Instant before) {
    List<Long> instances = new ArrayList<>(forgettable(before));
    instances.addAll(ofTasks(before));
    for (int from = 0; from < instances.size(); from += INSTANCES_PER_TRANSACTION) {
      int to = Math.min(from + INSTANCES_PER_TRANSACTION, instances.size());
      List<Long> some = instances.subList(from, to);
      transactions.in(() -> {
        DELETES.forEach(sql -> jdbc.sql(sql).param("instances", some).update());
        return some;
      });
    }
    return instances.size();
  }

  private List<Long> ofTasks(Instant before) {
    return jdbc.sql(
            """
            select distinct JOB_INSTANCE_ID from BATCH_JOB_EXECUTION where JOB_EXECUTION_ID in
              (select execution_id from tasks
               where (status = 'COMPLETED' and completed_at < :before) or (%s))
            order by JOB_INSTANCE_ID\
            """
                .formatted(Tasks.FORGETTABLE))
        .param("before", UtcTime.of(before))
        .query((row, index) -> row.getLong(1))
        .list();
  }

  /** The job repository keeps local times. */
  private List<Long> forgettable(Instant before) {
    return jdbc.sql(
            """
            select distinct e.JOB_INSTANCE_ID
            from BATCH_JOB_EXECUTION e
            join BATCH_JOB_EXECUTION_PARAMS p on p.JOB_EXECUTION_ID = e.JOB_EXECUTION_ID
              and p.PARAMETER_NAME = 'backup'
            join backups b on b.id = p.PARAMETER_VALUE
            where e.END_TIME < :before and b.status in ('COMPLETED', 'ABANDONED', 'DELETED')
              and not exists (select 1 from BATCH_JOB_EXECUTION o
                where o.JOB_INSTANCE_ID = e.JOB_INSTANCE_ID
                  and (o.END_TIME is null or o.END_TIME >= :before))
            order by e.JOB_INSTANCE_ID\
            """)
        .param("before", LocalDateTime.ofInstant(before, ZoneId.systemDefault()))
        .query((row, index) -> row.getLong(1))
        .list();
  }
}
