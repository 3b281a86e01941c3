package dev.backstep.source;

import dev.backstep.domain.ChangeId;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
   * What the source knows of the VM beside its disks, to rebuild it: texts by name, such as its
   * configuration. Names hold letters, digits and dashes. Empty when the source knows nothing.
   */
  default Map<String, String> vmDefinition() {
    return Map.of();
  }

  /**
   * The marks that it made, if nobody can take it up again with {@link VmSource#reattach} now that
   * it was closed; else none.
   */
  default Set<ChangeId> spentMarks() {
    return Set.of();
  }

  /**
   * Removes some of its {@link #spentMarks}.
   *
   * @throws SourceException when one could not be removed; the next backup removes it
   */
  default void remove(Set<ChangeId> marks) throws SourceException {}

  /**
   * Ends child processes and connections. The marks at the source stay, so the snapshot can be
   * taken up again with {@link VmSource#reattach}.
   */
  @Override
  void close();
}
