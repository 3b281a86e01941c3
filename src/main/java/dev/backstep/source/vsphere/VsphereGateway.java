package dev.backstep.source.vsphere;

import dev.backstep.blockio.ExtentVisitor;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is asked of a vCenter or ESXi host, in a session that lasts until {@link #close}. A session
 * that expired is opened again. Thread-safe.
 *
 * <p>Every method throws {@link VsphereFault} when the server refuses, and a {@code
 * SourceException} of kind {@code UNREACHABLE} when it cannot be asked.
 */
interface VsphereGateway extends AutoCloseable {

  /**
   * A VM by name.
   *
   * @param path its place in the inventory, as {@link #byPath} takes it
   * @param attributes custom attributes by name
   */
  record Entry(Moref ref, String name, String path, Map<String, String> attributes) {}

  /**
   * What a snapshot kept of its VM.
   *
   * @param configuration the VM's configuration as the API tells it, in XML
   */
  record Frozen(List<DiskFacts> disks, String configuration) {
    public Frozen {
      disks = List.copyOf(disks);
    }
  }

  /** What the server calls itself, such as {@code VMware vCenter Server 8.0.2 build-22617221}. */
  String fullName();

  /** SHA-1 over the server's certificate, as the VDDK wants it: {@code AA:BB:...}. */
  String thumbprint();

  /** The server's clock. */
  Instant now() throws IOException;

  /** Every VM that this user sees. */
  List<Entry> machines() throws IOException;

  /** The VM at a place such as {@code /Datacenter/vm/folder/web}. */
  Optional<Moref> byPath(String path) throws IOException;

  /** Whatever is at a place such as {@code /Datacenter/host/cluster}. */
  Optional<Moref> at(String path) throws IOException;

  /**
   * @param instance whether it is the instance UUID; else that which the guest sees
   */
  Optional<Moref> byUuid(String uuid, boolean instance) throws IOException;

  /** The VMs that a tag of a category is attached to. */
  Set<Moref> tagged(String category, String tag) throws IOException;

  Machine machine(Moref ref) throws IOException;

  Frozen frozen(Moref snapshot) throws IOException;

  /**
   * Switches change tracking. On a running VM it begins when that is stunned the next time; what
   * was tracked before cannot be asked about any more.
   */
  void setTracking(Moref machine, boolean on) throws IOException;

  /**
   * Makes a VM, and waits for it.
   *
   * @param folder of VMs
   * @param pool resource pool that it belongs to
   */
  void createMachine(Moref folder, MachineSpec spec, Moref pool) throws IOException;

  /** Makes a snapshot without memory, and waits for it. */
  void createSnapshot(Moref machine, String name, String description, boolean quiesce)
      throws IOException;

  /** Waits until no snapshot of the VM is being made or removed. */
  void awaitSnapshotTasks(Moref machine) throws IOException;

  /** Removes a snapshot, not those made after it, and waits; one that is gone is fine. */
  void removeSnapshot(Moref snapshot) throws IOException;

  /** Removes files that removed snapshots have left, and waits. */
  void consolidate(Moref machine) throws IOException;

  /**
   * Reports what changed since a change id.
   *
   * @param disk of the snapshot's configuration
   * @param changeId {@code *} for everything that is in use
   * @param visitor called with every area, clipped to the disk's size
   * @throws VsphereFault {@link VsphereFault#isOfTracking} tells whether tracking failed
   */
  void changedAreas(
      Moref machine, Moref snapshot, DiskFacts disk, String changeId, ExtentVisitor visitor)
      throws IOException;

  /**
   * The datastores that a VM has files on; one that this user may not see has its moref as name.
   */
  Map<Moref, String> datastores(Moref machine) throws IOException;

  /** Which of some privileges this user lacks on a VM or datastore; all where it may not ask. */
  Set<String> missingPrivileges(Moref entity, List<String> privileges) throws IOException;

  /** Ends the session. */
  @Override
  void close();
}
