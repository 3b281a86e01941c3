package dev.backstep.job.backup;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.domain.BackupId;
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
 * One partition per disk of the backup. The name carries the disk's number and the snapshot's, so a
 * relaunch from the same snapshot meets the same partitions, and one from a new snapshot does every
 * disk anew.
 */
@Component
@JobScope
class DiskPartitioner implements Partitioner {

  /** {@code <step>:<partition>}. */
  private static final Pattern STEP_NAME = Pattern.compile(".*:disk-([0-9]+)\\.snapshot-[0-9]+");

  private final BackupQueries queries;
  private final BackupId backup;

  DiskPartitioner(
      BackupQueries queries,
      @Value("#{jobParameters['" + BackupJobConfiguration.JOB + "']}") String backup) {
    this.queries = queries;
    this.backup = new BackupId(backup);
  }

  @Override
  public Map<String, ExecutionContext> partition(int gridSize) {
    var row = queries.backup(backup);
    Map<String, ExecutionContext> partitions = new HashMap<>();
    for (BackupDiskRow disk : row.disks()) {
      String name = "disk-" + disk.diskId() + ".snapshot-" + row.snapshotNo();
      partitions.put(name, new ExecutionContext());
    }
    return partitions;
  }

  /**
   * The disk of a partition's step. Its name says it, not its context: a process may die between
   * the two rows that hold them.
   */
  static int diskId(String stepName) {
    Matcher matcher = STEP_NAME.matcher(stepName);
    if (!matcher.matches()) {
      throw new IllegalStateException("step " + stepName + " is no disk's");
    }
    return Integer.parseInt(matcher.group(1));
  }
}
