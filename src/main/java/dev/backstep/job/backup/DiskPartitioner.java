package dev.backstep.job.backup;

import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.domain.BackupId;
import java.util.HashMap;
import java.util.Map;
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

  static final String DISK_ID = "disk_id";

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
      ExecutionContext context = new ExecutionContext();
      context.putInt(DISK_ID, disk.diskId());
      partitions.put("disk-" + disk.diskId() + ".snapshot-" + row.snapshotNo(), context);
    }
    return partitions;
  }
}
