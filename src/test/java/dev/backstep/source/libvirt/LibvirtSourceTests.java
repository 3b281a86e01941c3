package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceFinding;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibvirtSourceTests {

  private static final String MARK = "backstep.r1.backup-web-20251231-000000.1";
  private static final String OTHERS_MARK = "backstep.r~2.backup-web.1-20251231-000000.1";

  @TempDir Path folder;

  private final Control control = new Control();

  /** A domain of two disks, of which the second is a volume; it begins no job. */
  private static final class Control extends ScriptedControl {
    private final List<String> refusals = new ArrayList<>();
    private final List<Optional<String>> begun = new ArrayList<>();
    private final List<String> redefined = new ArrayList<>();
    private final List<String> deleted = new ArrayList<>();
    private List<String> checkpoints = List.of();

    @Override
    public String definition(String domain, View view) {
      return """
      <domain>
        <name>web</name>
        <uuid>%s</uuid>
        <devices>
          <disk type='file'>
            <driver type='qcow2'/><source file='/nowhere/a.qcow2' index='1'/><target dev='vda'/>
          </disk>
          <disk type='volume'>
            <driver type='qcow2'/><source pool='p' volume='b' index='3'/><target dev='vdb'/>
          </disk>
        </devices>
      </domain>
      """
          .formatted(UUID);
    }

    @Override
    public void begin(String uuid, String backup, Optional<String> checkpoint)
        throws SourceException {
      begun.add(checkpoint);
      throw new ControlException(
          ControlException.Why.OTHER, refusals.isEmpty() ? "not now" : refusals.removeFirst());
    }

    @Override
    public List<String> checkpoints(String uuid) {
      return checkpoints;
    }

    @Override
    public void redefineCheckpoint(String uuid, String xml) {
      redefined.add(xml);
    }

    @Override
    public void deleteCheckpoint(String uuid, String name) {
      deleted.add(name);
    }
  }

  private LibvirtSource source(Map<String, String> settings) throws SourceException {
    Map<String, String> all = new HashMap<>(ScriptedControl.source(folder).settings());
    all.putAll(settings);
    return new LibvirtSource(
        LibvirtSettings.of(new SourceDefinition("libvirt", List.of(), all)), control, folder);
  }

  private static SnapshotRequest request(Map<DiskKey, ChangeId> since) {
    return new SnapshotRequest(
        new RepositoryId("r1"), new BackupId("backup-web-20260101-000000"), since, Set.of());
  }

  @Test
  void hookThatTakesTooLongIsEndedAndThereIsNoSnapshot() throws Exception {
    Path after = folder.resolve("after");
    LibvirtSource source =
        source(
            Map.of(
                LibvirtSettings.BEFORE,
                "sleep 30",
                LibvirtSettings.AFTER,
                "touch " + after,
                LibvirtSettings.HOOK_LIMIT,
                "1"));

    assertThatThrownBy(() -> source.snapshot(request(Map.of())))
        .isInstanceOf(SourceException.class)
        .hasMessageContainingAll("hook `sleep 30`", "not done after 1 s", "hook-limit-seconds");

    assertThat(control.begun).isEmpty();
    assertThat(after).exists();
  }

  /** Its file is not known, so only QEMU can say that it is an old image. */
  @Test
  void volumeThatCannotBeTrackedGoesWithoutACheckpoint() throws Exception {
    control.refusals.add(
        "backup-begin at qemu:///system: internal error: unable to execute QEMU command"
            + " 'transaction': Can't make bitmap 'm' persistent in 'libvirt-3-format': Cannot store"
            + " dirty bitmaps in qcow2 v2 files");

    assertThatThrownBy(() -> source(Map.of()).snapshot(request(Map.of()))).hasMessage("not now");

    assertThat(control.begun).hasSize(2);
    assertThat(control.begun.getFirst().orElseThrow())
        .contains("checkpoint=\"bitmap\" name=\"vda\"", "checkpoint=\"bitmap\" name=\"vdb\"");
    assertThat(control.begun.getLast().orElseThrow())
        .contains("checkpoint=\"bitmap\" name=\"vda\"", "checkpoint=\"no\" name=\"vdb\"");
  }

  @Test
  void bitmapsOfACheckpointThatLibvirtHasForgottenAreDeleted() throws Exception {
    Map<DiskKey, ChangeId> since =
        Map.of(new DiskKey("vda"), new ChangeId(MARK), new DiskKey("vdb"), new ChangeId("cp1"));

    assertThatThrownBy(() -> source(Map.of()).snapshot(request(since))).hasMessage("not now");

    assertThat(control.redefined).singleElement().asString().contains(MARK, "<domain>");
    assertThat(Checkpoint.parse(control.redefined.getFirst()).sizes()).isEmpty();
    assertThat(control.deleted).containsExactly(MARK);
  }

  @Test
  void checkpointThatLibvirtKnowsIsNotTakenForAForgottenOne() throws Exception {
    control.checkpoints = List.of(MARK);
    Map<DiskKey, ChangeId> since = Map.of(new DiskKey("vda"), new ChangeId(MARK));

    assertThatThrownBy(() -> source(Map.of()).snapshot(request(since)))
        .isInstanceOf(SourceException.class);

    assertThat(control.redefined).isEmpty();
    assertThat(control.deleted).isEmpty();
  }

  @Test
  void examinationSaysWhoseTheCheckpointsAre() throws Exception {
    String none = checkpoints();
    control.checkpoints = List.of(MARK, OTHERS_MARK, "virtnbdbackup.0");

    assertThat(none).isEqualTo("none");
    assertThat(checkpoints())
        .isEqualTo(
            MARK
                + " (ours, for the repository r1); "
                + OTHERS_MARK
                + " (ours, for the repository r.2); virtnbdbackup.0 (another program's)");
  }

  private String checkpoints() throws SourceException {
    return source(Map.of()).examine(Set.of()).stream()
        .filter(found -> found.what().equals("checkpoints"))
        .map(SourceFinding::text)
        .findFirst()
        .orElseThrow();
  }
}
