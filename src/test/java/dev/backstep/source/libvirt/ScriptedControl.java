package dev.backstep.source.libvirt;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A daemon with one domain that does nothing; tests say what it does of what they ask. */
class ScriptedControl implements HypervisorControl {

  static final String UUID = "6f1a4f0c-3b43-4a38-9c0f-52b1f7a1d0aa";

  static SourceException unreachable() {
    return new SourceException(SourceException.Kind.UNREACHABLE, "no answer after 90 s");
  }

  static ControlException refusal(ControlException.Why why) {
    return new ControlException(why, "refused: " + why);
  }

  /**
   * A definition's source.
   *
   * @param scratch its room is not looked at
   */
  static SourceDefinition source(Path scratch) {
    return new SourceDefinition(
        "libvirt",
        List.of(),
        Map.of(
            LibvirtSettings.DOMAIN,
            "web",
            LibvirtSettings.QUIESCE,
            "off",
            "scratch",
            scratch.toString(),
            "scratch-room-mib",
            "0"));
  }

  @Override
  public List<String> domains() throws SourceException {
    return List.of(UUID);
  }

  @Override
  public String definition(String domain, View view) throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public void define(String xml) throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public State state(String uuid) throws SourceException {
    return State.RUNNING;
  }

  @Override
  public Optional<String> backupJob(String uuid) throws SourceException {
    return Optional.empty();
  }

  @Override
  public Optional<String> operation(String uuid) throws SourceException {
    return Optional.empty();
  }

  @Override
  public void begin(String uuid, String backup, Optional<String> checkpoint)
      throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public void abort(String uuid) throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public void resume(String uuid) throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public List<String> checkpoints(String uuid) throws SourceException {
    return List.of();
  }

  @Override
  public String checkpoint(String uuid, String name, boolean withDomain) throws SourceException {
    throw refusal(ControlException.Why.NO_CHECKPOINT);
  }

  @Override
  public void redefineCheckpoint(String uuid, String xml) throws SourceException {
    throw refusal(ControlException.Why.OTHER);
  }

  @Override
  public void deleteCheckpoint(String uuid, String name) throws SourceException {
    throw refusal(ControlException.Why.NO_CHECKPOINT);
  }

  @Override
  public void forgetCheckpoint(String uuid, String name) throws SourceException {
    throw refusal(ControlException.Why.NO_CHECKPOINT);
  }

  @Override
  public Map<DiskKey, Long> capacities(String uuid) throws SourceException {
    return Map.of();
  }

  @Override
  public void freeze(String uuid) throws SourceException {
    throw refusal(ControlException.Why.NO_AGENT);
  }

  @Override
  public void thaw(String uuid) throws SourceException {
    throw refusal(ControlException.Why.NO_AGENT);
  }

  @Override
  public LastWill thawShouldWeDie(String uuid) throws SourceException {
    return LastWill.of(List.of("true"));
  }
}
