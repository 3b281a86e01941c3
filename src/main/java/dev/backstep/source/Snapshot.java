package dev.backstep.source;

import java.time.Instant;
import java.util.List;

/** All disks of a VM at one instant. The disks may be read by several threads at once. */
public interface Snapshot extends AutoCloseable {

  /**
   * Text with which {@link VmSource#reattach} finds this snapshot again; at most 60,000 characters.
   */
  String handle();

  /** When the disks were as this snapshot shows them. */
  Instant takenAt();

  /** The VM's disks less the excluded ones, in the source's order. */
  List<SourceDisk> disks();

  /**
   * Ends child processes and connections. The marks at the source stay, so the snapshot can be
   * taken up again with {@link VmSource#reattach}.
   */
  @Override
  void close();
}
