package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.HypervisorControl.State;
import dev.backstep.source.libvirt.HypervisorControl.View;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.LibvirtHost;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whichever way libvirt is asked, the answers are the same. */
abstract class HypervisorControlContract {

  private static final String MISSING = "6f1a4f0c-3b43-4a38-9c0f-52b1f7a1d0aa";

  static LibvirtHost host;
  static LibvirtGuest guest;

  @TempDir Path folder;

  private HypervisorControl control;
  private String uuid;

  /** One guest for all tests of this process. */
  @BeforeAll
  static void startGuest() throws Exception {
    if (host == null) {
      host = LibvirtHost.start();
      guest = new LibvirtGuest(host, "asked", List.of(disk("a", 8), disk("b", 16)));
      guest.start();
    }
  }

  private static Path disk(String name, int mebibytes) {
    Path raw = host.disks().resolve(name + ".raw");
    Path disk = host.disks().resolve(name + ".qcow2");
    Tool.run("truncate", "-s", mebibytes + "M", raw);
    Tool.run("mkfs.ext4", "-q", "-F", raw); // without file systems nothing is frozen
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disk);
    Tool.run("rm", raw);
    return host.owned(disk);
  }

  /** The implementation that is tested. */
  abstract HypervisorControl control(String uri, Path temporary);

  @BeforeEach
  void ask() throws Exception {
    control = control(host.uri(), folder);
    uuid = Domain.parse(control.definition("asked", View.LIVE)).uuid();
  }

  private static void assertRefused(ThrowingCallable call, ControlException.Why why) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            ControlException.class, e -> assertThat(e.why()).as(e.getMessage()).isEqualTo(why));
  }

  static void whileTheDaemonStandsStill(ThrowingCallable what) throws Throwable {
    String daemon = Files.readString(host.folder().resolve("run/libvirtd.pid")).strip();
    Tool.run("kill", "-STOP", daemon);
    try {
      what.call();
    } finally {
      Tool.run("kill", "-CONT", daemon);
    }
  }

  static void assertUnreachable(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            SourceException.class,
            e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.UNREACHABLE))
        .hasMessageContaining(message);
  }

  static String job(String socket) {
    return """
    <domainbackup mode='pull'>
      <server transport='unix' socket='%s'/>
      <disks>
        <disk name='vda' backup='yes' type='file'><scratch file='%s'/></disk>
        <disk name='vdb' backup='no'/>
      </disks>
    </domainbackup>
    """
        .formatted(host.scratch().resolve(socket), host.scratch().resolve(socket + ".scratch"));
  }

  private static String mark(String name) {
    return "<domaincheckpoint><name>"
        + name
        + "</name><description>d vda=8388608</description><disks><disk name='vda'"
        + " checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>";
  }

  @Test
  void runningDomainIsDescribed() throws Exception {
    assertThat(control.domains()).contains(uuid);
    assertThat(Domain.parse(control.definition(uuid, View.LIVE)).agent()).isTrue();
    assertThat(control.definition(uuid, View.PERSISTENT))
        .contains("<name>asked</name>")
        .doesNotContain("state='connected'");
    assertThat(control.state(uuid)).isEqualTo(State.RUNNING);
    assertThat(control.capacities(uuid))
        .isEqualTo(Map.of(new DiskKey("vda"), 8L << 20, new DiskKey("vdb"), 16L << 20));
  }

  @Test
  void pausedDomainGoesOn() throws Exception {
    host.virsh("suspend", "asked");

    State paused = control.state(uuid);
    control.resume(uuid);

    assertThat(paused).isEqualTo(State.PAUSED);
    assertThat(control.state(uuid)).isEqualTo(State.RUNNING);
  }

  @Test
  void domainThatIsOffRefusesWhatARunningOneDoes() throws Exception {
    control.define(
        control
            .definition("asked", View.PERSISTENT)
            .replace("<name>asked</name>", "<name>öff</name>")
            .replace(uuid, MISSING));
    try {
      assertThat(control.state("öff")).isEqualTo(State.SHUT_OFF);
      assertThat(control.backupJob(MISSING)).isEmpty();
      assertThat(control.operation(MISSING)).isEmpty();
      control.abort(MISSING);
      assertRefused(
          () -> control.begin(MISSING, job("off.sock"), Optional.empty()),
          ControlException.Why.INACTIVE);
      assertRefused(() -> control.freeze(MISSING), ControlException.Why.INACTIVE);
    } finally {
      host.virsh("undefine", MISSING);
    }
  }

  @Test
  void jobBeginsWithACheckpointAndEnds() throws Exception {
    assertThat(control.backupJob(uuid)).isEmpty();
    assertThat(control.operation(uuid)).isEmpty();
    control.abort(uuid);

    control.begin(uuid, job("own.sock"), Optional.of(mark("first")));
    try {
      assertThat(BackupJob.socketOf(control.backupJob(uuid).orElseThrow())).endsWith("own.sock");
      assertThat(control.operation(uuid)).contains("Backup");
      assertThat(control.checkpoints(uuid)).containsExactly("first");
      assertThat(control.checkpoint(uuid, "first", false))
          .contains("vda=8388608")
          .doesNotContain("<domain ");
      assertThat(control.checkpoint(uuid, "first", true)).contains("<domain ");
    } finally {
      control.abort(uuid);
      LibvirtGuest.await("the job's end", () -> control.backupJob(uuid).isEmpty());
      control.deleteCheckpoint(uuid, "first");
    }
    assertThat(control.checkpoints(uuid)).isEmpty();
  }

  @Test
  void checkpointIsForgottenAndMadeKnownAgain() throws Exception {
    control.begin(uuid, job("mark.sock"), Optional.of(mark("kept")));
    control.abort(uuid);
    LibvirtGuest.await("the job's end", () -> control.backupJob(uuid).isEmpty());
    String xml = control.checkpoint(uuid, "kept", true);

    control.forgetCheckpoint(uuid, "kept");
    List<String> forgotten = control.checkpoints(uuid);
    control.redefineCheckpoint(uuid, xml);

    assertThat(forgotten).isEmpty();
    assertThat(control.checkpoints(uuid)).containsExactly("kept");
    control.deleteCheckpoint(uuid, "kept");
    assertRefused(() -> control.deleteCheckpoint(uuid, "kept"), ControlException.Why.NO_CHECKPOINT);
  }

  @Test
  void checkpointThatIsNotThereIsNamedWithItsDisk() {
    String since =
        job("since.sock")
            .replace(
                "<disk name='vda' backup='yes' type='file'>",
                "<disk name='vda' backup='yes' type='file' backupmode='incremental'"
                    + " incremental='nope'>");

    assertThatThrownBy(() -> control.begin(uuid, since, Optional.of(mark("never"))))
        .isInstanceOfSatisfying(
            ControlException.class,
            e -> assertThat(e.why()).isEqualTo(ControlException.Why.NO_CHECKPOINT))
        .hasMessageContaining("disk 'vda'")
        .hasMessageStartingWith("backup-begin at " + host.uri() + ": ");
  }

  @Test
  void guestIsFrozenAndThawed() throws Exception {
    try (LastWill will = control.thawShouldWeDie(uuid)) {
      control.freeze(uuid);
      boolean frozen = guest.isFrozen();
      control.thaw(uuid);

      assertThat(frozen).isTrue();
      assertThat(guest.isFrozen()).isFalse();
    }
  }

  @Test
  void domainThatIsNotThereIsNotFound() {
    for (String name : List.of("nosuch", MISSING)) {
      assertRefused(() -> control.state(name), ControlException.Why.NO_DOMAIN);
    }
  }

  @Test
  void daemonThatIsNotThereIsUnreachable() {
    HypervisorControl nobody =
        control("qemu+unix:///session?socket=" + folder.resolve("nobody"), folder);

    assertThatThrownBy(nobody::domains)
        .isInstanceOfSatisfying(
            SourceException.class,
            e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.UNREACHABLE))
        .hasMessageContaining("failed to connect to the hypervisor");
  }

  @Test
  void daemonThatWasStartedAgainIsAskedAgain() throws Exception {
    control.domains();

    host.stop();
    assertRefused(() -> control.state(uuid), ControlException.Why.NO_DAEMON);
    host.restart();

    assertThat(control.state(uuid)).isEqualTo(State.RUNNING);
  }
}
