package dev.backstep.source.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.QemuVm;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A running QEMU: what its snapshots tell, and what is left of them whatever happens. */
class QmpSourceIT {

  private static final RepositoryId REPOSITORY = new RepositoryId("r1");
  private static final BackupId BACKUP = new BackupId("backup-vm-20260101-000000");
  private static final DiskKey VDA = new DiskKey("vda");
  private static final DiskKey VDB = new DiskKey("vdb");
  private static final int GRANULE = 65_536;

  /** Writes 32 KiB after 32 KiB over the first 32 MiB of the disk that it is started from. */
  private static final int[] WRITING_GUEST = {
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0xbe, 0x18, 0x7c, // again: mov si, 7c18h
    0xb4, 0x43, // mov ah, 43h
    0xb0, 0x00, // mov al, 0
    0xb2, 0x80, // mov dl, 80h
    0xcd, 0x13, // int 13h
    0x83, 0x06, 0x20, 0x7c, 0x40, // add word [7c20h], 64
    0xeb, 0xee, // jmp again
    0x00, 0x00, // 7c18h: 16 bytes, 64 sectors, from 0:7c00h, to sector 64
    0x10, 0x00, 0x40, 0x00, 0x00, 0x7c, 0x00, 0x00, 0x40, 0x00
  };

  private Path folder;
  private QemuVm vm;

  @BeforeEach
  void startVm() throws Exception {
    folder = Files.createTempDirectory("qs");
    Files.createDirectory(folder.resolve("scratch"));
    Files.createDirectory(folder.resolve("run"));
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", folder.resolve("a.qcow2"), "64M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", folder.resolve("b.qcow2"), "16M");
    vm = QemuVm.start(folder, false);
    vm.write("d0", "write -P 1 0 8M");
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      assertThat(vm.leftovers()).isEmpty();
    } finally {
      vm.close();
    }
    Tool.run("rm", "-rf", folder);
  }

  private VmSource source(Path scratch, String... locations) throws SourceException {
    List<DiskDefinition> disks = new ArrayList<>();
    for (String location : locations) {
      disks.add(new DiskDefinition(disks.isEmpty() ? VDA : VDB, location, Map.of()));
    }
    Map<String, String> settings =
        Map.of(
            "socket",
            vm.socket().toString(),
            "scratch",
            scratch.toString(),
            "scratch-room-mib",
            "0");
    return new QmpSourceProvider()
        .open(new SourceDefinition("qmp", disks, settings), folder.resolve("run"));
  }

  private VmSource source() throws SourceException {
    return source(vm.scratch(), "node:a", "device:drive1");
  }

  private static SnapshotRequest request(Map<DiskKey, ChangeId> since) {
    return new SnapshotRequest(REPOSITORY, BACKUP, since, Set.of());
  }

  /** What a first backup leaves. */
  private ChangeId mark(VmSource source) throws SourceException {
    try (Snapshot snapshot = source.snapshot(request(Map.of()))) {
      return snapshot.disks().getFirst().changeId().orElseThrow();
    }
  }

  private record Changes(ChangedAnswer answer, List<ByteRange> data, List<ByteRange> zeros) {}

  private static Changes changes(SourceDisk disk, ChangeId since) throws IOException {
    List<ByteRange> data = new ArrayList<>();
    List<ByteRange> zeros = new ArrayList<>();
    ChangedAnswer answer =
        disk.changed(
            since,
            (offset, length, kind) ->
                (kind == ExtentKind.DATA ? data : zeros).add(new ByteRange(offset, length)));
    return new Changes(answer, data, zeros);
  }

  private Changes changes(ChangeId since) throws IOException {
    try (Snapshot snapshot = source().snapshot(request(Map.of(VDA, since)))) {
      return changes(snapshot.disks().getFirst(), since);
    }
  }

  private static void assertReset(Changes changes, String part) {
    assertThat(changes.answer())
        .isInstanceOfSatisfying(
            ChangedAnswer.Reset.class, reset -> assertThat(reset.cause()).contains(part));
  }

  private static byte firstByte(SourceDisk disk) throws IOException {
    try (BlockReader reader = disk.open(2);
        Block block = reader.read(List.of(new ByteRange(0, GRANULE))).join()) {
      return block.bytes(0).get(0);
    }
  }

  @Test
  void reportsExactlyWhatWasWrittenZeroedAndDiscardedAndShowsTheInstant() throws Exception {
    ChangeId since = mark(source());
    vm.write(
        "d0", "write -P 2 1M 64k", "write -z 3M 128k", "discard 5M 192k", "write -P 3 7000000 9");

    try (Snapshot snapshot = source().snapshot(request(Map.of(VDA, since)))) {
      vm.write("d0", "write -P 9 0 64k", "write -P 9 2M 64k");
      SourceDisk disk = snapshot.disks().getFirst();

      Changes changes = changes(disk, since);

      assertThat(changes.answer()).isInstanceOf(ChangedAnswer.Known.class);
      assertThat(changes.data())
          .containsExactly(
              new ByteRange(1 << 20, GRANULE),
              new ByteRange(7_000_000 / GRANULE * GRANULE, GRANULE));
      assertThat(changes.zeros())
          .containsExactly(new ByteRange(3 << 20, 131_072), new ByteRange(5 << 20, 196_608));
      assertThat(firstByte(disk)).isEqualTo((byte) 1);
    }
  }

  @Test
  void bitmapsThatWereRemovedOrSwitchedOffOrCutAreResets() throws Exception {
    ChangeId since = mark(source());
    vm.qmp("block-dirty-bitmap-disable", "node", "a", "name", since.value());
    assertReset(changes(since), "switched off");

    since = mark(source());
    vm.qmp("block_resize", "node-name", "a", "size", 32 << 20);
    vm.qmp("block_resize", "node-name", "a", "size", 64 << 20);
    assertReset(changes(since), "made smaller");

    vm.qmp("block-dirty-bitmap-remove", "node", "a", "name", mark(source()).value());
    assertReset(changes(since), "is gone");
  }

  @Test
  void nodeUnderASnapshotIsRefusedAndADeviceFollowsIt() throws Exception {
    ChangeId since = mark(source(vm.scratch(), "device:d0"));
    vm.qmp(
        "blockdev-snapshot-sync",
        "node-name",
        "a",
        "snapshot-file",
        folder.resolve("overlay.qcow2").toString(),
        "snapshot-node-name",
        "top");

    assertThatThrownBy(() -> source().snapshot(request(Map.of())))
        .isInstanceOf(SourceException.class)
        .hasMessageContainingAll("node 'a' is the backing image", "overlay.qcow2", "'device'");
    try (Snapshot snapshot =
        source(vm.scratch(), "device:d0").snapshot(request(Map.of(VDA, since)))) {
      assertReset(changes(snapshot.disks().getFirst(), since), "is gone");
      assertThat(firstByte(snapshot.disks().getFirst())).isEqualTo((byte) 1);
    }
  }

  @Test
  void othersJobsAndTheirNbdServerAreRespected() throws Exception {
    vm.qmp("blockdev-add", "driver", "null-co", "node-name", "z", "size", 64 << 20);
    vm.qmp("blockdev-backup", "job-id", "other", "device", "a", "target", "z", "sync", "none");
    assertLocked("another program's job", "other");
    vm.qmp("job-cancel", "id", "other");
    LibvirtGuest.await("no job", () -> vm.qmp("query-jobs").isEmpty());
    Map<String, Object> place =
        Map.of("type", "unix", "data", Map.of("path", folder.resolve("nbd").toString()));
    vm.qmp("nbd-server-start", "addr", place);

    assertLocked("NBD server is in use");
    assertThat(vm.leftovers()).isEmpty();
    assertThat(vm.marks("a")).isEmpty();
    vm.qmp("nbd-server-stop");
  }

  private void assertLocked(String... parts) {
    assertThatThrownBy(() -> source().snapshot(request(Map.of())))
        .isInstanceOfSatisfying(
            SourceException.class, e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.LOCKED))
        .hasMessageContainingAll(parts);
  }

  @Test
  void namesWhatIsNotThere() throws Exception {
    assertThatThrownBy(() -> source(vm.scratch(), "node:zz").snapshot(request(Map.of())))
        .hasMessage("disk vda: QEMU has no node 'zz'; it has: a, fa");
    assertThatThrownBy(() -> source(vm.scratch(), "device:zz").snapshot(request(Map.of())))
        .hasMessageContaining("disk vda: QEMU has no device 'zz'; it has: /machine/peripheral/d");
    assertThat(source().examine(Set.of())).allMatch(finding -> finding.good());
    assertThat(source().sizes(Set.of())).isEqualTo(Map.of(VDA, 64L << 20, VDB, 16L << 20));
  }

  @Test
  void snapshotOfAProcessThatDiedIsTakenUpAgainUnlessItsJobsHaveEnded() throws Exception {
    Snapshot died = source().snapshot(request(Map.of()));
    vm.write("d0", "write -P 9 0 64k");
    try (Snapshot again = source().reattach(request(Map.of()), died.handle())) {
      assertThat(again.takenAt()).isEqualTo(died.takenAt());
      assertThat(firstByte(again.disks().getFirst())).isEqualTo((byte) 1);
    }

    assertThatThrownBy(() -> source().reattach(request(Map.of()), died.handle()))
        .isInstanceOf(SnapshotGoneException.class)
        .hasMessageContaining("have ended");
    died.close();
  }

  @Test
  void vmThatEndsMeanwhileLeavesNothingAndItsSnapshotIsGone() throws Exception {
    Snapshot snapshot = source().snapshot(request(Map.of()));
    vm.quit();

    assertThatThrownBy(() -> source().reattach(request(Map.of()), snapshot.handle()))
        .isInstanceOf(SnapshotGoneException.class)
        .hasMessageContaining("the VM has ended");
    snapshot.close();
    assertThat(vm.scratch()).isEmptyDirectory();
    assertThatThrownBy(() -> source().snapshot(request(Map.of())))
        .isInstanceOfSatisfying(
            SourceException.class,
            e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.UNREACHABLE))
        .hasMessageContainingAll(vm.socket() + ": nobody listens there", "-qmp unix:");
    vm.start();
  }

  /** {@code -Dqmp.rounds=N} sets their number. */
  @Test
  void roundsOfSnapshotsLeaveNothing() throws Exception {
    for (int i = Integer.getInteger("qmp.rounds", 5); i > 0; i--) {
      source().snapshot(request(Map.of())).close();
    }
    assertThat(vm.marks("a")).hasSize(1);

    source().releaseMarks(new RepositoryId("other"), Map.of(VDA, Set.of(), VDB, Set.of()));
    assertThat(vm.marks("a")).hasSize(1);
    source().releaseMarks(REPOSITORY, Map.of(VDA, Set.of()));

    assertThat(vm.marks("a")).isEmpty();
  }

  @Test
  void guestThatFindsNoRoomForWhatItOverwritesGoesOnAndTheSnapshotIsGivenUp() throws Exception {
    vm.write("d0", "write -P 1 0 40M");
    vm.quit();
    Path boot = folder.resolve("boot");
    Files.write(boot, new byte[512]);
    try (RandomAccessFile sector = new RandomAccessFile(boot.toFile(), "rw")) {
      for (int one : WRITING_GUEST) {
        sector.write(one);
      }
      sector.seek(510);
      sector.write(new byte[] {0x55, (byte) 0xaa});
    }
    String write = "write -s " + boot + " 0 512";
    Tool.run("qemu-io", "-f", "qcow2", "-c", write, vm.disk("a"));
    Path small = Files.createDirectory(folder.resolve("small"));
    Tool.run("mount", "-t", "tmpfs", "-o", "size=2M,mode=1777", "none", small);
    vm = QemuVm.start(folder, true);
    try {
      LibvirtGuest.await("a guest that writes", () -> vm.writtenBytes() > 0);
      try (Snapshot snapshot = source(small, "node:a").snapshot(request(Map.of()))) {
        LibvirtGuest.await(
            "a snapshot that is given up", () -> vm.qmp("query-block-exports").isEmpty());
        LibvirtGuest.await("a guest that goes on", () -> vm.status().equals("running"));

        assertThatThrownBy(() -> snapshot.disks().getFirst().open(2))
            .hasMessageContaining("given up")
            .hasMessageContaining("want of room");
      }
      assertThat(small).isEmptyDirectory();
    } finally {
      Tool.run("umount", small);
    }
  }
}
