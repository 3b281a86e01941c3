package dev.backstep.blockio;

import java.io.IOException;
import java.nio.file.Path;

/** A disk's file is being written by another program, such as the QEMU of a running VM. */
public final class DiskInUseException extends IOException {

  private static final long serialVersionUID = 1L;

  DiskInUseException(Path path) {
    super(
        path
            + ": another program holds it open for writing, most likely a running VM; shut the VM"
            + " down, or use a source for running VMs");
  }
}
