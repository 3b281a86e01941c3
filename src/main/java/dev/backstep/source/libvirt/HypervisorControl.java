package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The control calls that a backup needs of libvirt; no data goes through it. Thread-safe. Each call
 * may throw a {@link ControlException} that says why libvirt refuses, or another {@link
 * SourceException} when libvirt cannot be asked.
 */
interface HypervisorControl {

  /** What a domain is doing. */
  enum State {
    RUNNING,
    /** By an operator, for a migration, ...: QEMU is there and its disks do not change. */
    PAUSED,
    /** Because a disk, ours of the scratch included, had no room. */
    PAUSED_IO_ERROR,
    SHUT_OFF,
    /** On its way down or up: nothing can be begun now. */
    CHANGING
  }

  /** How a domain's definition is given out. */
  enum View {
    /** As it is now. */
    LIVE,
    /** As it will be started next time. */
    PERSISTENT
  }

  /** The UUIDs of all domains, running or not. */
  List<String> domains() throws SourceException;

  /**
   * @param domain name or UUID
   * @return XML
   */
  String definition(String domain, View view) throws SourceException;

  /** Makes a domain known, or changes how it starts next time. */
  void define(String xml) throws SourceException;

  State state(String uuid) throws SourceException;

  /** The running backup job's XML. */
  Optional<String> backupJob(String uuid) throws SourceException;

  /** What any running job does, such as {@code Backup} or {@code Outgoing migration}. */
  Optional<String> operation(String uuid) throws SourceException;

  /**
   * Begins a backup job, all of it or nothing.
   *
   * @param checkpoint XML of a checkpoint to be made in the same instant; empty for none
   */
  void begin(String uuid, String backup, Optional<String> checkpoint) throws SourceException;

  /** Asks the running job to end. It may still be there when this returns. */
  void abort(String uuid) throws SourceException;

  void resume(String uuid) throws SourceException;

  /** Names of the checkpoints that libvirt knows. */
  List<String> checkpoints(String uuid) throws SourceException;

  /** A checkpoint's XML, without the domain's unless it is asked for. */
  String checkpoint(String uuid, String name, boolean withDomain) throws SourceException;

  /** Makes a checkpoint known whose bitmaps are in the images already. */
  void redefineCheckpoint(String uuid, String xml) throws SourceException;

  /** Deletes a checkpoint with its bitmaps; the domain must be running. */
  void deleteCheckpoint(String uuid, String name) throws SourceException;

  /** Makes libvirt forget a checkpoint; bitmaps stay. */
  void forgetCheckpoint(String uuid, String name) throws SourceException;

  /** Sizes in bytes of the disks that libvirt can look at. */
  Map<DiskKey, Long> capacities(String uuid) throws SourceException;

  /** Freezes the guest's file systems through its agent. */
  void freeze(String uuid) throws SourceException;

  void thaw(String uuid) throws SourceException;

  /** Sees to it that the guest is thawed if this process dies before the result is closed. */
  LastWill thawShouldWeDie(String uuid) throws SourceException;
}
