package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.TaskKind;
import dev.backstep.domain.VmId;

/** The VM has a running backup, or a task is at work on its disks; there is one at a time. */
public final class VmBusyException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient BackupId running;

  VmBusyException(VmId vm, BackupId running) {
    super(
        "VM "
            + vm
            + TaskKind.ofId(running.value())
                .map(kind ->
                    kind == TaskKind.RESTORE
                        ? " is being written over by "
                        : " is being replicated by ")
                .orElse(" is being backed up by ")
            + running
            + "; wait for it, stop it, or recover it when its process is gone");
    this.running = running;
  }

  /** The text for the operator; never null. */
  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }

  /** The backup that runs, or the task. */
  public BackupId running() {
    return running;
  }
}
