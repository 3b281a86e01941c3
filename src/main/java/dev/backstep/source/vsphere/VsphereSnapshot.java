package dev.backstep.source.vsphere;

import dev.backstep.source.Snapshot;
import dev.backstep.source.SourceDisk;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** A snapshot of ours at a vCenter, with the session that it is read in. */
final class VsphereSnapshot implements Snapshot {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final VsphereGateway gateway;
  private final Machine machine;
  private final Machine.HeldSnapshot held;
  private final String configuration;
  private final List<VsphereDisk> disks;
  private final SnapshotCare care;
  private final Runnable closed;

  /**
   * @param configuration the VM's, as the snapshot kept it
   * @param closed called when this is closed and nothing reads it any more
   */
  VsphereSnapshot(
      VsphereGateway gateway,
      Machine machine,
      Machine.HeldSnapshot held,
      String configuration,
      List<VsphereDisk> disks,
      Runnable closed) {
    this.gateway = gateway;
    this.machine = machine;
    this.held = held;
    this.configuration = configuration;
    this.disks = List.copyOf(disks);
    this.care = new SnapshotCare(gateway, disks);
    this.closed = closed;
    care.start();
  }

  @Override
  public String handle() {
    Map<String, Long> sizes = new LinkedHashMap<>();
    disks.forEach(disk -> sizes.put(disk.key().value(), disk.sizeBytes()));
    return new SnapshotHandle(
            machine.ref().value(),
            machine.instanceUuid(),
            held.ref().value(),
            SnapshotMark.of(held),
            sizes)
        .text();
  }

  @Override
  public Instant takenAt() {
    return held.takenAt();
  }

  @Override
  public List<SourceDisk> disks() {
    return List.copyOf(disks);
  }

  @Override
  public Map<String, String> vmDefinition() {
    Map<String, Object> what = new LinkedHashMap<>();
    what.put("name", machine.name());
    what.put("moref", machine.ref().value());
    what.put("instance_uuid", machine.instanceUuid());
    what.put("server", gateway.fullName());
    what.put("quiesced", held.quiesced());
    what.put("powered_on", machine.poweredOn());
    what.put("tools", machine.tools());
    return Map.of(
        "vsphere-machine", JSON.writeValueAsString(what), NewMachine.CONFIGURATION, configuration);
  }

  /** In this order: a disk that is read while its snapshot is removed stays locked. */
  @Override
  public void close() {
    care.close();
    disks.forEach(VsphereDisk::end);
    gateway.close();
    closed.run();
  }
}
