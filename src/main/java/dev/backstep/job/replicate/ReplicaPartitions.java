package dev.backstep.job.replicate;

import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.job.TaskJob;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.batch.core.configuration.annotation.JobScope;
import org.springframework.batch.core.partition.Partitioner;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * One partition per disk of the run. The name carries the disk's number and the snapshot's, so a
 * relaunch from the same snapshot meets the same partitions.
 */
@Component
@JobScope
class ReplicaPartitions implements Partitioner {

  /** {@code <step>:<partition>}. */
  private static final Pattern STEP_NAME = Pattern.compile(".*:disk-([0-9]+)\\.snapshot-[0-9]+");

  private final ReplicationQueries queries;
  private final String run;

  ReplicaPartitions(
      ReplicationQueries queries,
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String run) {
    this.queries = queries;
    this.run = run;
  }

  @Override
  public Map<String, ExecutionContext> partition(int gridSize) {
    ReplicationRun row = queries.run(run).orElseThrow();
    Map<String, ExecutionContext> partitions = new HashMap<>();
    for (ReplicationRunDisk disk : row.disks()) {
      partitions.put(
          "disk-" + disk.number() + ".snapshot-" + row.snapshotNo(), new ExecutionContext());
    }
    return partitions;
  }

  /** The disk of a partition's step, by its place in the run. */
  static int number(String stepName) {
    Matcher matcher = STEP_NAME.matcher(stepName);
    if (!matcher.matches()) {
      throw new IllegalStateException("step " + stepName + " is no disk's");
    }
    return Integer.parseInt(matcher.group(1));
  }
}
