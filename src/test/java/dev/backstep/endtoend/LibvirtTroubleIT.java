package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.VmSource;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Whatever dies or fills up in the middle: nothing is left, and what is stored is true. */
class LibvirtTroubleIT extends LibvirtTest {

  private static final SnapshotRequest REQUEST =
      new SnapshotRequest(
          new RepositoryId("r1"), new BackupId("backup-vm-20260101-000000"), Map.of(), Set.of());

  @Test
  void anotherProgramsJobIsRespected() throws Exception {
    Path xml = folder.resolve("other.xml");
    Files.writeString(
        xml,
        """
        <domainbackup mode='pull'>
          <server transport='unix' socket='%s'/>
          <disks><disk name='vda' backup='yes' type='file'><scratch file='%s'/></disk></disks>
        </domainbackup>
        """
            .formatted(host.scratch().resolve("other.sock"), host.scratch().resolve("other")));
    host.virsh("backup-begin", "guest", xml);
    try {
      Program.Result refused = program.run("backup", "vm");

      assertThat(refused.errors()).contains("another program's backup job", "other.sock");
      assertThat(refused.status()).isEqualTo(5);
      assertThat(host.virsh("backup-dumpxml", "guest")).contains("other.sock");
      Program.Result looked = program.run("doctor");
      assertThat(looked.output()).contains("FAIL  vm job: another program's backup job");
    } finally {
      host.virsh("domjobabort", "guest");
      LibvirtGuest.await("the end of the job", () -> !jobRuns());
    }
  }

  @Test
  void backupWhoseProcessIsKilledGoesOnFromTheSameMoment() throws Exception {
    fill();
    String done = takeSums();
    stopInTheMiddle().destroyForcibly().waitFor();
    String job = host.virsh("backup-dumpxml", "guest");
    guest.run("dd if=/dev/urandom of=/mnt/b/f bs=1M count=8 conv=notrunc; sync");

    JsonNode backup = program.succeed("relaunch", newest(), "--json").json();

    Point point = new Point(backup, sums(done));
    assertThat(job).contains("backstep-");
    assertThat(checkpoints()).containsExactly(point.disk("vda").get("change_id").asString());
    assertThat(bitmaps()).containsExactlyElementsOf(checkpoints());
    assertRestores(point);
  }

  @Test
  void jobThatSomebodyEndsFailsTheBackupAndARelaunchIsOfAnotherMoment() throws Exception {
    Point first = backUpLive();
    define("quiesce: off\n  after-snapshot: virsh -c '" + host.uri() + "' domjobabort guest");
    Program.Result atOnce = program.run("backup", "vm");
    List<String> afterFailure = checkpoints();
    Set<String> bitmapsThen = bitmaps();
    fill();
    Process backup = stopInTheMiddle();
    host.virsh("domjobabort", "guest");
    signal(backup, "CONT");
    int status = backup.waitFor();
    JsonNode failed = program.succeed("list", "--json").json().get(0);
    boolean oneIsDone = failed.get("disks").get(0).get("status").asString().equals("COMPLETED");
    int stay = checkpoints().size();
    guest.run("dd if=/dev/urandom of=/mnt/b/f bs=1M count=8 conv=notrunc; sync");

    Point point = backUpLive("relaunch", newest());

    assertThat(atOnce.status()).as(atOnce.errors()).isEqualTo(1);
    assertThat(afterFailure)
        .as("the checkpoint of the backup that failed is not there, the one before it is")
        .containsExactly(first.disk("vda").get("change_id").asString());
    assertThat(stay)
        .as("the next backup goes on from a disk that was completed")
        .isEqualTo(oneIsDone ? 2 : 1);
    assertThat(bitmapsThen).containsExactlyElementsOf(afterFailure);
    assertThat(point.levels())
        .isEqualTo("vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS");
    assertThat(status).as(Files.readString(err())).isEqualTo(1);
    assertThat(checkpoints()).containsExactly(point.disk("vda").get("change_id").asString());
    assertThat(bitmaps()).containsExactlyElementsOf(checkpoints());
    assertRestores(first);
    assertRestores(point);
  }

  @Test
  void daemonThatIsAwayInTheMiddleIsWaitedFor() throws Exception {
    fill();
    String done = takeSums();
    Process backup = stopInTheMiddle();
    host.stop();
    try {
      signal(backup, "CONT");
      LibvirtGuest.await("an image", () -> !backup.isAlive() || hasCopied(".qcow2", 1));
    } finally {
      host.restart();
    }
    assertThat(backup.waitFor()).as(Files.readString(err())).isZero();
    Point point = new Point(Program.json(Files.readString(out())), sums(done));

    Point next = backUpLive();

    assertThat(next.levels())
        .isEqualTo("vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS");
    assertThat(checkpoints()).hasSize(1);
    assertRestores(point);
    assertRestores(next);
  }

  @Test
  void jobWhoseDaemonIsAwayForLongAtItsEndIsEndedWhenThatIsBack() throws Exception {
    Snapshot snapshot = source(host.scratch()).snapshot(REQUEST);
    host.stop();
    try {
      snapshot.close();
      assertThat(host.scratch()).isNotEmptyDirectory();
    } finally {
      host.restart();
    }

    LibvirtGuest.await("the job's end", () -> !jobRuns());
  }

  @Test
  void guestThatIsPoweredOffInTheMiddleIsBackedUpFromItsFilesThen() throws Exception {
    Point first = backUpLive();
    fill();
    Process backup = stopInTheMiddle();
    guest.beginPowerOff();
    // QEMU may wait for the answers to be fetched that it owes, as a process that stands still does
    // not: it ends behind that.
    LibvirtGuest.await("the guest's end", () -> !guest.state().startsWith("running"));
    signal(backup, "CONT");
    int status = backup.waitFor();
    guest.awaitOff();

    Point off = backUpOff("relaunch", newest());
    Tool.run("qemu-img", "resize", "-q", file("vdb"), "+16M");
    Point larger = backUpOff("backup", "vm");

    assertThat(status).as(Files.readString(err())).isEqualTo(1);
    for (Point point : List.of(off, larger)) {
      assertThat(point.levels())
          .isEqualTo("vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS");
      assertRestores(point);
    }
    assertThat(checkpoints()).containsExactly(larger.disk("vda").get("change_id").asString());
    assertRestores(first);
  }

  @Test
  void guestIsThawedWhenTheProcessThatFrozeItIsKilled() throws Exception {
    define("quiesce: required");
    Program real = program;
    program =
        new Program(
            folder,
            Map.of("PATH", slowVirsh() + ":" + System.getenv("PATH"), "BACKSTEP_LIBVIRT", "virsh"));
    Process backup = program.start(out(), err(), "backup", "vm");
    LibvirtGuest.await("a job", () -> Files.exists(folder.resolve("begun")) || !backup.isAlive());
    boolean frozen = guest.isFrozen();
    backup.destroyForcibly().waitFor();
    Files.createFile(folder.resolve("go"));
    LibvirtGuest.await("a guest that is thawed", () -> !guest.isFrozen());
    boolean left = jobRuns();
    program = real;

    JsonNode point = program.succeed("relaunch", newest(), "--json").json();

    assertThat(frozen).isTrue();
    assertThat(left).as("a job that its process left").isTrue();
    assertThat(checkpoints())
        .containsExactly(point.get("disks").get(0).get("change_id").asString());
    assertThat(bitmaps()).containsExactlyElementsOf(checkpoints());
  }

  /** A virsh that stands still when it has begun a backup job; returns its folder. */
  private Path slowVirsh() throws Exception {
    Path bin = Files.createDirectory(folder.resolve("bin"));
    Path virsh = bin.resolve("virsh");
    Files.writeString(
        virsh,
        """
        #!/bin/sh
        %s "$@"
        status=$?
        case " $* " in
          *" backup-begin "*) : >%s; while [ ! -e %s ]; do sleep 0.05; done ;;
        esac
        exit $status
        """
            .formatted(
                Tool.run("sh", "-c", "command -v virsh").strip(),
                folder.resolve("begun"),
                folder.resolve("go")));
    Files.setPosixFilePermissions(virsh, PosixFilePermissions.fromString("rwxr-xr-x"));
    return bin;
  }

  @Test
  void guestIsFrozenAndThawedByTheBackupItself() throws Exception {
    define("quiesce: required\n  hook-limit-seconds: 1\n  after-snapshot: sleep 30");

    Program.Result backup = program.succeed("backup", "vm", "--json");

    assertThat(backup.errors()).contains("hook `sleep 30`", "not done after 1 s");
    JsonNode kept = vmDefinition(backup);
    assertThat(kept.get("quiesce").asString()).isEqualTo("frozen");
    assertThat(kept.get("libvirt-domain").asString()).contains("<name>guest</name>");
  }

  /** What the restore point keeps of the domain. */
  private JsonNode vmDefinition(Program.Result backup) throws IOException {
    String id = backup.json().get("backup_id").asString();
    Path point = folder.resolve("repository/vms/vm/restore-points/" + id + ".json");
    return Program.json(Files.readString(point)).get("vm_definition");
  }

  @Test
  void guestWithoutAnAgentIsBackedUpUnlessItMustBeFrozen() throws Exception {
    guest.endAgent("AGENT-STARTED");
    try {
      define("quiesce: required");
      Program.Result refused = program.run("backup", "vm");
      List<String> left = checkpoints();
      Program.Result looked = program.run("doctor");
      define("quiesce: try");
      Program.Result asItIs = program.succeed("backup", "vm", "--json");

      assertThat(refused.status()).as(refused.errors()).isEqualTo(1);
      assertThat(refused.errors())
          .contains("cannot be frozen, which 'quiesce: required' asks for", "agent");
      assertThat(left).isEmpty();
      assertThat(looked.output()).contains("FAIL  vm agent: none is connected");
      assertThat(vmDefinition(asItIs).get("quiesce").asString())
          .startsWith("not frozen: ")
          .contains("agent");
      assertThat(bitmaps()).containsExactlyElementsOf(checkpoints());
    } finally {
      guest.giveWord("AGENT-STARTED");
      LibvirtGuest.await("the agent", guest::answers);
    }
  }

  @Test
  void guestThatFindsNoRoomForWhatItOverwritesGoesOnAndTheSnapshotIsGivenUp() throws Exception {
    guest.run("dd if=/dev/urandom of=/mnt/a/f bs=1M count=20; sync");
    Path small = Files.createDirectory(host.folder().resolve("small"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=2M,mode=1777", "none", small);
    try {
      try (Snapshot snapshot = source(small).snapshot(REQUEST)) {
        guest.begin(
            "dd if=/dev/zero of=/mnt/a/f bs=1M count=20 conv=notrunc,fsync;"
                + " echo OVERWRITTEN > /dev/ttyS0");
        LibvirtGuest.await("a guest that goes on", () -> guest.said("OVERWRITTEN"));

        assertThat(guest.state()).startsWith("running");
        assertThatThrownBy(() -> snapshot.disks().getFirst().open(2))
            .hasMessageContaining("given up")
            .hasMessageContaining("want of room");
      }
      assertThat(small).isEmptyDirectory();
    } finally {
      Tool.run("umount", small);
    }
  }

  /** {@code -Dlibvirt.rounds=N} sets their number. */
  @Test
  void roundsOfSnapshotsLeaveNothing() throws Exception {
    VmSource source = source(host.scratch());
    source.snapshot(REQUEST).close();
    long open = openFiles();
    for (int i = Integer.getInteger("libvirt.rounds", 50); i > 0; i--) {
      source.snapshot(REQUEST).close();
    }
    assertThat(checkpoints()).hasSize(1);

    source.releaseMarks(REQUEST.repository(), Map.of());

    assertThat(checkpoints()).isEmpty();
    assertThat(bitmaps()).isEmpty();
    assertThat(openFiles()).as("files that QEMU has open").isLessThanOrEqualTo(open);
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("guard-"));
  }

  private static long openFiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/" + host.qemu("guest").pid() + "/fd"))) {
      return files.count();
    }
  }
}
