package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Asks through the library, and through virsh while too much hangs there: a child that hangs can be
 * killed. Each call is decided on by itself, for a backup that has begun has a guest to thaw and a
 * job to end, whatever hangs meanwhile at other guests.
 */
record ChosenControl(
    LibvirtConnection connection, HypervisorControl library, HypervisorControl virsh)
    implements HypervisorControl {

  private HypervisorControl now() {
    return connection.isStuck() ? virsh : library;
  }

  @Override
  public List<String> domains() throws SourceException {
    return now().domains();
  }

  @Override
  public String definition(String domain, View view) throws SourceException {
    return now().definition(domain, view);
  }

  @Override
  public void define(String xml) throws SourceException {
    now().define(xml);
  }

  @Override
  public State state(String uuid) throws SourceException {
    return now().state(uuid);
  }

  @Override
  public Optional<String> backupJob(String uuid) throws SourceException {
    return now().backupJob(uuid);
  }

  @Override
  public Optional<String> operation(String uuid) throws SourceException {
    return now().operation(uuid);
  }

  @Override
  public void begin(String uuid, String backup, Optional<String> checkpoint)
      throws SourceException {
    now().begin(uuid, backup, checkpoint);
  }

  @Override
  public void abort(String uuid) throws SourceException {
    now().abort(uuid);
  }

  @Override
  public void resume(String uuid) throws SourceException {
    now().resume(uuid);
  }

  @Override
  public List<String> checkpoints(String uuid) throws SourceException {
    return now().checkpoints(uuid);
  }

  @Override
  public String checkpoint(String uuid, String name, boolean withDomain) throws SourceException {
    return now().checkpoint(uuid, name, withDomain);
  }

  @Override
  public void redefineCheckpoint(String uuid, String xml) throws SourceException {
    now().redefineCheckpoint(uuid, xml);
  }

  @Override
  public void deleteCheckpoint(String uuid, String name) throws SourceException {
    now().deleteCheckpoint(uuid, name);
  }

  @Override
  public void forgetCheckpoint(String uuid, String name) throws SourceException {
    now().forgetCheckpoint(uuid, name);
  }

  @Override
  public Map<DiskKey, Long> capacities(String uuid) throws SourceException {
    return now().capacities(uuid);
  }

  @Override
  public void freeze(String uuid) throws SourceException {
    now().freeze(uuid);
  }

  @Override
  public void thaw(String uuid) throws SourceException {
    now().thaw(uuid);
  }

  @Override
  public LastWill thawShouldWeDie(String uuid) throws SourceException {
    return now().thawShouldWeDie(uuid);
  }
}
