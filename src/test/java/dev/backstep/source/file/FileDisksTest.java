package dev.backstep.source.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Disks in a folder, a source that shows them, and what two backups in a row learn of them. */
abstract class FileDisksTest {

  static final RepositoryId REPOSITORY = new RepositoryId("r1");
  static final BackupId BACKUP = new BackupId("backup-vm-20260101-000000");
  static final DiskKey VDA = new DiskKey("vda");
  static final DiskKey VDB = new DiskKey("vdb");
  static final int GRANULE = 65_536;

  @TempDir Path folder;
  Path runFolder;
  Path disk;

  @BeforeEach
  void makeDisk() throws IOException {
    runFolder = Files.createDirectory(folder.resolve("run"));
    disk = create("disk.qcow2", "16M");
  }

  record Changes(ChangedAnswer answer, List<ByteRange> data, List<ByteRange> zeros) {}

  static Changes known(ByteRange... data) {
    return new Changes(new ChangedAnswer.Known(), List.of(data), List.of());
  }

  static void assertReset(Changes changes, String... parts) {
    assertThat(changes.answer())
        .isInstanceOfSatisfying(
            ChangedAnswer.Reset.class, reset -> assertThat(reset.cause()).contains(parts));
  }

  void assertUntracked(Path file, String cause) throws Exception {
    ChangeId any = new ChangeId("any");
    try (Snapshot snapshot = source(file).snapshot(request(any))) {
      SourceDisk only = snapshot.disks().getFirst();
      assertThat(only.changeId()).isEmpty();
      assertThat(only.changed(any, (offset, length, kind) -> {}))
          .isInstanceOfSatisfying(
              ChangedAnswer.Unavailable.class,
              answer -> assertThat(answer.cause()).contains(file.toString(), cause));
    }
  }

  void assertGone(Path file, Snapshot snapshot, String cause) {
    assertThatThrownBy(() -> source(file).reattach(request(), snapshot.handle()))
        .isInstanceOf(SnapshotGoneException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(cause);
    assertThat(runFolder).isEmptyDirectory();
  }

  static ByteRange range(long offset, long length) {
    return new ByteRange(offset, length);
  }

  Path create(String name, String size) {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", folder.resolve(name), size);
    return folder.resolve(name);
  }

  Path overlay(Path base) {
    Path overlay = folder.resolve("overlay.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay);
    return overlay;
  }

  static void write(Path file, String... commands) {
    List<Object> words = new ArrayList<>(List.of("qemu-io", "-d", "unmap", "-f", "qcow2"));
    for (String command : commands) {
      words.addAll(List.of("-c", command));
    }
    words.add(file);
    assertThat(Tool.run(words.toArray())).doesNotContain("failed");
  }

  static void resize(Path file, String size) {
    Tool.run("qemu-img", "resize", "-q", "--shrink", "-f", "qcow2", file, size);
  }

  FileDisks source(Path... files) {
    List<DiskDefinition> disks = new ArrayList<>();
    for (Path file : files) {
      disks.add(new DiskDefinition(disks.isEmpty() ? VDA : VDB, file.toString(), Map.of()));
    }
    return new FileDisks(disks, runFolder, Marking.OF_EACH_DISK);
  }

  static SnapshotRequest request() {
    return new SnapshotRequest(REPOSITORY, BACKUP, Map.of(), Set.of());
  }

  static SnapshotRequest request(ChangeId since) {
    return new SnapshotRequest(REPOSITORY, BACKUP, Map.of(VDA, since), Set.of());
  }

  /** What a first backup leaves. */
  ChangeId mark(Path file) throws IOException {
    try (Snapshot snapshot = source(file).snapshot(request())) {
      return snapshot.disks().getFirst().changeId().orElseThrow();
    }
  }

  /** What a second backup is told. */
  Changes changes(Path file, ChangeId since) throws IOException {
    List<ByteRange> data = new ArrayList<>();
    List<ByteRange> zeros = new ArrayList<>();
    try (Snapshot snapshot = source(file).snapshot(request(since))) {
      ChangedAnswer answer =
          snapshot
              .disks()
              .getFirst()
              .changed(
                  since,
                  (offset, length, kind) ->
                      (kind == ExtentKind.DATA ? data : zeros).add(range(offset, length)));
      return new Changes(answer, data, zeros);
    }
  }

  /** A program that holds a disk open as a running VM does. */
  Process writer(Path file) throws Exception {
    return Tool.writer(file, "qcow2", folder.resolve("writer"));
  }

  static List<String> bitmaps(Path file) {
    String info = Tool.run("qemu-img", "info", "-U", "-f", "qcow2", file);
    return Pattern.compile("  name: (.+)").matcher(info).results().map(r -> r.group(1)).toList();
  }

  static List<String> marks(Path file) {
    return bitmaps(file).stream().filter(name -> !name.contains(".end-")).toList();
  }
}
