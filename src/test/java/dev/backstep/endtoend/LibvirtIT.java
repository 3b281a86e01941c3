package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The life of a domain's chain: what was lost, added, resized, is not tracked, and boots again. */
class LibvirtIT extends LibvirtTest {

  private static final String BOTH_INCREMENTAL =
      "vda incremental CHANGED_EXTENTS vdb incremental CHANGED_EXTENTS";
  private static final String BOTH_LOST = "vda full CBT_RESET vdb full CBT_RESET";

  @Test
  void guestIsBackedUpWhileItWritesAndWhatItTrimsTakesNoRoom() throws Exception {
    guest.run("rm -f /tmp/stop /tmp/stopped");
    guest.begin(
        "n=0; while [ ! -e /tmp/stop ]; do n=$((n+1));"
            + " dd if=/dev/urandom of=/mnt/a/w$((n%5)) bs=4k count=$((n%40)) conv=fsync;"
            + " dd if=/dev/urandom of=/mnt/b/w$((n%3)) bs=64k count=$((n%9)) conv=fsync;"
            + " rm -f /mnt/b/w$((n%7)); usleep 20000; done; touch /tmp/stopped");
    Point full = backUpLive();
    Point second = backUpLive();
    guest.run("dd if=/dev/urandom of=/mnt/b/g bs=1M count=16; sync");
    Point third = backUpLive();
    guest.run("touch /tmp/stop; while [ ! -e /tmp/stopped ]; do usleep 50000; done");
    guest.run("rm /mnt/b/g; sync; fstrim /mnt/b");
    Point trimmed = backUpLive();

    assertThat(full.levels()).isEqualTo("vda full NO_BASELINE vdb full NO_BASELINE");
    for (Point incremental : List.of(second, third, trimmed)) {
      assertThat(incremental.levels()).isEqualTo(BOTH_INCREMENTAL);
    }
    assertThat(third.disk("vdb").get("bytes_stored").asLong()).isGreaterThan(16 << 20);
    assertThat(trimmed.disk("vdb").get("bytes_stored").asLong())
        .as("what was trimmed is stored as zeros, which take no room")
        .isLessThan(8 << 20);
    assertThat(checkpoints()).containsExactly(trimmed.disk("vda").get("change_id").asString());
    for (Point point : List.of(full, second, third, trimmed)) {
      assertRestores(point);
    }
  }

  @Test
  void chainGoesOnUnderSnapshotsWhileTheGuestIsOffAndAfterCommits() throws Exception {
    Point full = backUpLive();
    guest.run("dd if=/dev/urandom of=/mnt/b/h bs=1M count=4; sync");
    putSnapshotOn("vdb");
    guest.run("dd if=/dev/urandom of=/mnt/b/i bs=1M count=2; sync");
    Point over = backUpLive();
    guest.run("cp /mnt/b/h /mnt/a/h; sync");
    putSnapshotOn("vda");
    guest.powerOff();
    Point off = backUpOff("backup", "vm");
    Point again = backUpOff("backup", "vm");
    guest.start();
    guest.run("dd if=/dev/urandom of=/mnt/b/j bs=1M count=2; sync");
    commit("vda");
    commit("vdb");
    Point committed = backUpLive();

    assertThat(off.levels())
        .as("what the first disk changed before its snapshot is in the image below alone")
        .isEqualTo("vda full CBT_RESET vdb incremental CHANGED_EXTENTS");
    for (Point incremental : List.of(over, again, committed)) {
      assertThat(incremental.levels()).isEqualTo(BOTH_INCREMENTAL);
    }
    assertThat(again.disk("vda").get("bytes_transferred").asLong()).isZero();
    assertThat(again.disk("vdb").get("bytes_transferred").asLong()).isZero();
    assertThat(checkpoints()).containsExactly(committed.disk("vda").get("change_id").asString());
    assertThat(bitmaps())
        .as("the last backup's, and the one that went below a snapshot")
        .containsExactlyInAnyOrder(
            committed.disk("vda").get("change_id").asString(),
            over.disk("vda").get("change_id").asString());
    for (Point point : List.of(full, over, off, again, committed)) {
      assertRestores(point);
    }
    assertThatChainGoesOnBehindASnapshotInside(over.disk("vda").get("change_id").asString());
  }

  /**
   * Reverting to it is refused while there are bitmaps, and costs the guest its run.
   *
   * @param stays a bitmap in a lower image
   */
  private void assertThatChainGoesOnBehindASnapshotInside(String stays) throws Exception {
    host.virsh("snapshot-create-as", "guest", "inside");
    try {
      guest.run("dd if=/dev/urandom of=/mnt/b/k bs=1M count=2; sync");
      Point made = backUpLive();
      guest.run("dd if=/dev/urandom of=/mnt/b/l bs=1M count=1; rm /mnt/b/k; sync");
      host.tryVirsh("snapshot-revert", "guest", "inside");
      guest.startIfOff();
      Point reverted = backUpLive();

      assertThat(made.levels()).isEqualTo(BOTH_INCREMENTAL);
      assertThat(reverted.levels()).isEqualTo(BOTH_LOST);
      assertThat(reverted.disk("vda").get("cause").asString()).contains("missing or broken bitmap");
      String kept = reverted.disk("vda").get("change_id").asString();
      assertThat(checkpoints()).containsExactly(kept);
      assertThat(bitmaps()).containsExactlyInAnyOrder(stays, kept);
      assertRestores(made);
      assertRestores(reverted);
    } finally {
      host.virsh("snapshot-delete", "guest", "inside");
    }
  }

  private static void putSnapshotOn(String disk) {
    String other = disk.equals("vda") ? "vdb" : "vda";
    host.virsh(
        "snapshot-create-as",
        "guest",
        "--disk-only",
        "--no-metadata",
        "--diskspec",
        disk + ",file=" + host.disks().resolve(disk + ".over"),
        "--diskspec",
        other + ",snapshot=no");
  }

  private static void commit(String disk) throws Exception {
    Path over = file(disk);
    host.virsh("blockcommit", "guest", disk, "--active", "--pivot", "--wait");
    Files.delete(over);
  }

  @Test
  void qemuThatIsKilledLosesItsBitmapsAndADiskThatIsNewHasNone() throws Exception {
    fill();
    Point first = backUpLive();
    fill();
    Process backup = stopInTheMiddle();
    guest.kill();
    signal(backup, "CONT");
    int status = backup.waitFor();
    guest.start();
    Point afterCrash = backUpLive();
    loseBitmap(afterCrash.disk("vda").get("change_id").asString());
    guest.run("cp /mnt/b/f /mnt/a/f; sync; rm /mnt/b/f; sync");
    Point afterLoss = backUpLive();
    String forgotten = afterLoss.disk("vda").get("change_id").asString();
    host.virsh("checkpoint-delete", "guest", forgotten, "--metadata");
    Point afterForgetting = backUpLive();
    List<String> known = checkpoints();
    Set<String> kept = bitmaps();
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", host.disks().resolve("c.qcow2"), "32M");
    Path added = host.owned(host.disks().resolve("c.qcow2"));
    attach(added, "vdc", "qcow2");
    guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M count=2; sync");
    try {
      Point withNew = backUpLive();
      host.virsh("blockresize", "guest", "vdc", "48M");
      guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M seek=40 count=1; sync");
      Point larger = backUpLive();
      host.virsh("blockresize", "guest", "vdc", "24M");
      guest.run("dd if=/dev/urandom of=/dev/vdc bs=1M seek=8 count=1; sync");
      Point smaller = backUpLive();

      assertThat(status).as(Files.readString(err())).isEqualTo(1);
      assertThat(afterCrash.levels()).isEqualTo(BOTH_LOST);
      assertThat(afterLoss.levels())
          .isEqualTo("vda full CBT_RESET vdb incremental CHANGED_EXTENTS");
      assertThat(afterForgetting.levels()).isEqualTo(BOTH_LOST);
      assertThat(known).containsExactly(afterForgetting.disk("vda").get("change_id").asString());
      assertThat(kept)
          .as("none of a checkpoint that is forgotten")
          .containsExactlyElementsOf(known);
      assertThat(withNew.levels()).isEqualTo(BOTH_INCREMENTAL + " vdc full NEW_DISK");
      assertThat(larger.levels()).isEqualTo(BOTH_INCREMENTAL + " vdc incremental CHANGED_EXTENTS");
      assertThat(smaller.levels()).isEqualTo(BOTH_INCREMENTAL + " vdc full DISK_RESIZED");
      for (Point point :
          List.of(first, afterCrash, afterLoss, afterForgetting, withNew, larger, smaller)) {
        assertRestores(point);
      }
    } finally {
      host.virsh("detach-disk", "guest", "vdc", "--live");
      awaitDetached();
    }
  }

  /** The first disk's bitmap goes, the others stay. */
  private static void loseBitmap(String name) {
    String file = file("vda").toString();
    for (JsonNode node : guest.qmp("{\"execute\":\"query-named-block-nodes\"}")) {
      if (node.path("drv").asString("").equals("qcow2")
          && node.path("file").asString("").equals(file)) {
        removeBitmap(node, name);
      }
    }
  }

  @Test
  void rawAndOldDisksAreReadWholeAndSayWhatWouldHelp() throws Exception {
    Path raw = host.disks().resolve("r.raw");
    Path old = host.disks().resolve("o.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "raw", raw, "8M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", old, "8M");
    Path volumes = Files.createDirectory(host.disks().resolve("volumes"));
    Tool.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", volumes.resolve("v"), "8M");
    host.virsh("pool-create-as", "volumes", "dir", "--target", host.owned(volumes));
    attach(raw, "vdc", "raw");
    attach(old, "vdd", "qcow2");
    attachVolume("v", "vde");
    try {
      Point first = backUpLive();
      guest.run(
          "dd if=/dev/urandom of=/dev/vdc bs=1M count=1;"
              + " cp /dev/vdc /dev/vdd; cp /dev/vdc /dev/vde; sync");
      Point second = backUpLive();
      Program.Result looked = program.run("doctor");

      assertThat(second.levels())
          .isEqualTo(
              BOTH_INCREMENTAL
                  + " vdc full CBT_UNAVAILABLE vdd full CBT_UNAVAILABLE vde full CBT_UNAVAILABLE");
      assertThat(second.disk("vdc").get("cause").asString())
          .contains("tracks no changes; `qemu-img convert -O qcow2`");
      assertThat(second.disk("vdd").get("cause").asString())
          .contains("with the VM off, `qemu-img amend -o compat=1.1 " + old + "`");
      assertThat(second.disk("vde").get("cause").asString())
          .contains("with the VM off, `qemu-img amend -o compat=1.1 FILE`");
      assertThat(looked.output())
          .contains("vdc is raw, which tracks no changes; `qemu-img convert -O qcow2`")
          .contains("with the VM off, `qemu-img amend -o compat=1.1 " + old + "`")
          .contains("vm checkpoints: " + second.disk("vda").get("change_id").asString() + " (ours");
      assertRestores(first);
      assertRestores(second);
    } finally {
      for (String disk : List.of("vdc", "vdd", "vde")) {
        host.virsh("detach-disk", "guest", disk, "--live");
      }
      awaitDetached();
      host.virsh("pool-destroy", "volumes");
    }
  }

  private void attachVolume(String volume, String target) throws Exception {
    Path xml = folder.resolve(target + ".xml");
    Files.writeString(
        xml,
        """
        <disk type='volume' device='disk'>
          <driver name='qemu' type='qcow2'/>
          <source pool='volumes' volume='%s'/>
          <target dev='%s' bus='virtio'/>
        </disk>
        """
            .formatted(volume, target));
    host.virsh("attach-device", "guest", xml, "--live");
    LibvirtGuest.await(target, () -> guest.run("ls /dev").contains(target));
  }

  @Test
  void restoredDisksBootWithWhatTheGuestHad() throws Exception {
    Point first = backUpLive();
    guest.run("rm -f /mnt/a/f /mnt/a/after; echo remember > /mnt/a/word && sync");
    Point point = backUpLive();
    Program.Result early = define(point, "early", "guest");
    Program.Result anew = define(point, "anew", "restored");
    guest.powerOff();
    LibvirtGuest restored = LibvirtGuest.defined(host, "restored");
    try {
      restored.start();

      assertThat(restored.run("cat /mnt/a/word")).isEqualTo("remember\n");
    } finally {
      host.virsh("destroy", "restored");
      host.virsh("undefine", "restored");
    }
    String uuid = host.virsh("domuuid", "guest");
    Program.Result back = define(point, "back", "guest");
    guest.start();
    String word = guest.run("cat /mnt/a/word");
    Point next = backUpLive();

    assertThat(point.levels()).isEqualTo(BOTH_INCREMENTAL);
    assertThat(early.status()).isEqualTo(5);
    assertThat(early.errors()).contains("domain guest is not off");
    assertThat(host.disks().resolve("early")).doesNotExist();
    assertThat(anew.status()).as(anew.errors()).isZero();
    assertThat(back.status()).as(back.errors()).isZero();
    assertThat(word).isEqualTo("remember\n");
    assertThat(host.virsh("domuuid", "guest")).isEqualTo(uuid);
    assertThat(file("vdb")).hasParent(host.disks().resolve("back"));
    assertThat(next.levels()).as("the bitmaps are those of other files").isEqualTo(BOTH_LOST);
    assertRestores(first);
    assertRestores(next);
  }

  /** Restores a domain's disks into a folder of that name, and makes a domain of them. */
  private Program.Result define(Point point, String folder, String domain) throws Exception {
    Path target = host.disks().resolve(folder);
    Program.Result result =
        program.run(
            "restore",
            point.backup().get("backup_id").asString(),
            "--to",
            target.toString(),
            "--format",
            "qcow2",
            "--define",
            domain,
            "--define-uri",
            host.uri());
    if (Files.exists(target)) {
      host.owned(target);
    }
    return result;
  }
}
