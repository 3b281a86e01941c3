package dev.backstep.job.retention;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.repository.Protection;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.event.EventListener;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;

/**
 * Makes a VM's restore points immutable that are to be so, and those free that have been so for
 * long enough, when a backup of it is completed. What a process that died has left undone, the VM's
 * next backup does.
 */
@Component
class ProtectAfterBackup {

  private static final Logger log = LoggerFactory.getLogger(ProtectAfterBackup.class);

  @EventListener
  @Order(0)
  void ended(BackupEvent.Ended event) {
    BackupRow backup = event.backup();
    if (backup.status() != Status.COMPLETED
        || JobDefinitions.read(backup.definition()).immutable().isEmpty()) {
      return;
    }
    try {
      Repository repository = Repository.open(Path.of(backup.repositoryPath()));
      int changed = Protection.apply(repository, backup.vmId(), Instant.now());
      log.info("{}: the immutable flag of {} files was changed", backup.id(), changed);
    } catch (IOException e) {
      log.error("{} is complete, and not immutable: {}", backup.id(), e.getMessage(), e);
    }
  }
}
