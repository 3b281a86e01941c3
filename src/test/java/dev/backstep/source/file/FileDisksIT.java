package dev.backstep.source.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.testing.Tool;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileDisksIT extends FileDisksTest {

  // What changed

  @Test
  void reportsExactlyWhatWasWrittenZeroedAndDiscarded() throws Exception {
    write(disk, "write -P 1 0 16M");
    ChangeId since = mark(disk);
    write(disk, "write -P 2 1M 64k", "write -z 3M 128k", "discard 5M 192k", "write -P 3 7000000 9");

    Changes changes = changes(disk, since);

    assertThat(changes.answer()).isInstanceOf(ChangedAnswer.Known.class);
    assertThat(changes.data())
        .containsExactly(range(1 << 20, GRANULE), range(7_000_000 / GRANULE * GRANULE, GRANULE));
    assertThat(changes.zeros()).containsExactly(range(3 << 20, 131_072), range(5 << 20, 196_608));
  }

  @Test
  void reportsNothingWhenNothingWasWritten() throws Exception {
    ChangeId since = mark(disk);

    Changes changes = changes(disk, since);

    assertThat(changes).isEqualTo(known());
  }

  @Test
  void knowsWhatWasWrittenToAnOverlayWithItsOwnBitmap() throws Exception {
    Path overlay = overlay(disk);
    ChangeId since = mark(overlay);
    write(overlay, "write -P 2 1M 64k");

    // The last granule is always among them: a resize can zero a part of it without marking it.
    assertThat(changes(overlay, since))
        .isEqualTo(known(range(1 << 20, GRANULE), range((16 << 20) - GRANULE, GRANULE)));
  }

  @Test
  void bitmapOnlyInTheBackingFileIsAReset() throws Exception {
    ChangeId since = mark(disk);
    Path overlay = overlay(disk);
    write(overlay, "write -P 2 1M 64k");

    assertReset(changes(overlay, since), "not in", overlay.toString());
  }

  /** As libvirt leaves the two when it puts a snapshot on top of a running VM's disk. */
  @Test
  void bitmapThatIsInAnOverlayAndInTheImageBelowIsAReset() throws Exception {
    ChangeId since = mark(disk);
    write(disk, "write -P 1 0 64k");
    Path overlay = overlay(disk);
    Tool.run("qemu-img", "bitmap", "--add", "-f", "qcow2", overlay, since);
    write(overlay, "write -P 2 1M 64k");

    assertReset(changes(overlay, since), "image below");
  }

  @Test
  void bitmapThatWasInUseWhenItsQemuWasKilledIsAReset() throws Exception {
    ChangeId since = mark(disk);
    Process writer = writer(disk);
    writer.destroyForcibly().waitFor();

    assertReset(changes(disk, since), since.value(), "not closed cleanly");
  }

  @Test
  void disabledBitmapIsAReset() throws Exception {
    ChangeId since = mark(disk);
    Tool.run("qemu-img", "bitmap", "--disable", "-f", "qcow2", disk, since);
    write(disk, "write -P 2 1M 64k");

    assertReset(changes(disk, since), since.value(), "switched off");
  }

  @Test
  void bitmapWithoutItsEndIsAReset() throws Exception {
    ChangeId since = mark(disk);
    Tool.run("qemu-img", "bitmap", "--remove", "-f", "qcow2", disk, since + ".end-16777216");

    assertReset(changes(disk, since), since.value(), "marks its end");
  }

  @Test
  void rawDisksAndDisksWithoutBytesAreNotTracked() throws Exception {
    Path raw = folder.resolve("disk.raw");
    Tool.run("qemu-img", "create", "-q", "-f", "raw", raw, "1M");

    assertUntracked(raw, "is raw");
    assertUntracked(create("empty.qcow2", "0"), "no bytes");
  }

  @Test
  void version2DisksAreNotTracked() throws Exception {
    Path old = folder.resolve("old.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", old, "1M");

    assertUntracked(old, "qemu-img amend -o compat=1.1");
  }

  // Resizing between two backups

  @Test
  void diskThatWasMadeSmallerAndLargerAgainIsAReset() throws Exception {
    write(disk, "write -P 1 0 16M");
    ChangeId since = mark(disk);
    resize(disk, "12M");
    resize(disk, "16M");

    assertReset(changes(disk, since), disk.toString(), "made smaller");
  }

  @Test
  void diskThatWasMadeSmallerAndThenLargerThanEverIsAReset() throws Exception {
    ChangeId since = mark(disk);
    resize(disk, "16711680");
    resize(disk, "32M");

    assertReset(changes(disk, since), "made smaller");
  }

  @Test
  void whatWasWrittenBehindTheOldEndOfAGrownDiskIsReported() throws Exception {
    ChangeId since = mark(disk);
    resize(disk, "32M");
    write(disk, "write -P 1 20M 64k");

    assertThat(changes(disk, since)).isEqualTo(known(range(20 << 20, GRANULE)));
  }

  @Test
  void restOfTheLastClusterIsReportedWhenADiskGrowsIntoIt() throws Exception {
    write(disk, "write -P 1 0 16M");
    resize(disk, "16776704");
    ChangeId since = mark(disk);
    resize(disk, "32M");

    // qemu shows there again what was written before the disk was made smaller
    write(disk, "read -P 1 16776704 512");
    assertThat(changes(disk, since)).isEqualTo(known(range((16 << 20) - GRANULE, GRANULE)));
  }

  @Test
  void whatAResizeZeroesInsideTheLastGranuleIsReported() throws Exception {
    write(disk, "write -P 1 0 16M");
    Path overlay = overlay(disk);
    Path small = folder.resolve("small.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", small, "16M");
    for (Path each : List.of(overlay, small)) {
      write(each, "write -P 2 15M 1M");
      ChangeId since = mark(each);
      resize(each, "16744448");
      resize(each, "16M");

      write(each, "read -P 0 16744448 32k");
      assertThat(changes(each, since)).isEqualTo(known(range((16 << 20) - GRANULE, GRANULE)));
    }
  }

  // Making a snapshot

  @Test
  void diskThatAnotherProgramWritesIsRefusedAndNoBitmapIsLeftAnywhere() throws Exception {
    Path busy = create("busy.qcow2", "16M");
    Process writer = writer(busy);
    try {
      for (FileDisks source : List.of(source(disk, busy), source(busy, disk))) {
        assertThatThrownBy(() -> source.snapshot(request()))
            .isInstanceOfSatisfying(
                SourceException.class,
                e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.LOCKED))
            .hasMessageContaining("busy.qcow2")
            .hasMessageContaining("running VM");
      }
    } finally {
      writer.destroy();
      writer.waitFor();
    }

    assertThat(bitmaps(disk)).isEmpty();
    assertThat(bitmaps(busy)).isEmpty();
    assertThat(runFolder).isEmptyDirectory();
  }

  @Test
  void diskThatIsTooLargeForABitmapIsNamedWithTheReason() throws Exception {
    Path huge = folder.resolve("huge.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", huge, "300T");

    assertThatThrownBy(() -> source(disk, huge).snapshot(request()))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("huge.qcow2")
        .hasMessageContaining("larger granularity");

    assertThat(bitmaps(disk)).isEmpty();
    assertThat(runFolder).isEmptyDirectory();
  }

  @Test
  void failureAfterSomeDisksWereMarkedTakesTheMarksAway() throws Exception {
    Path broken = create("broken.qcow2", "16M");
    write(broken, "write 0 64k");
    Path lost = overlay(broken);
    Files.delete(broken);

    assertThatThrownBy(() -> source(disk, lost).snapshot(request()))
        .isInstanceOf(SourceException.class)
        .hasMessageContaining("broken.qcow2");

    assertThat(bitmaps(disk)).isEmpty();
    assertThat(runFolder).isEmptyDirectory();
  }

  @Test
  void nobodyCanWriteWhileTheSnapshotIsOpenAndEverybodyAfterwards() throws Exception {
    try (Snapshot snapshot = source(disk).snapshot(request())) {
      assertThat(snapshot.disks()).hasSize(1);
      Tool.Result write = Tool.tryRun("qemu-io", "-f", "qcow2", "-c", "write 0 512", disk);
      assertThat(write.output()).contains("Failed to get \"write\" lock");
    }
    write(disk, "write 0 512");
    assertThat(runFolder).isEmptyDirectory();
    Tool.checkImage(disk);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a b",
        "it's \"it\"",
        "größe-磁盘",
        "nbd:host:1",
        "a,b=c,,d",
        "100%s%20",
        "-leading",
        "json:{\"driver\":\"null-co\"}",
        "back\\slash",
        "new\nline",
        "$HOME `id` *"
      })
  void fileNamesMayHoldAnything(String name) throws Exception {
    Path odd = folder.resolve(name);
    Files.copy(disk, odd);
    write(odd, "write -P 7 0 64k");
    ChangeId since = mark(odd);
    write(odd, "write -P 8 64k 64k");

    assertThat(changes(odd, since)).isEqualTo(known(range(GRANULE, GRANULE)));
    try (Snapshot snapshot = source(odd).snapshot(request());
        BlockReader reader = snapshot.disks().getFirst().open(2);
        Block block = reader.read(List.of(range(GRANULE - 1024, 2048))).join()) {
      ByteBuffer bytes = block.bytes(0);
      assertThat(bytes.get(1023)).isEqualTo((byte) 7);
      assertThat(bytes.get(1024)).isEqualTo((byte) 8);
    }
  }

  // Taking a snapshot up again

  @Test
  void snapshotIsTheSameAfterARestart() throws Exception {
    Path raw = Files.write(folder.resolve("disk.raw"), new byte[1 << 20]);
    Snapshot before = source(disk, raw).snapshot(request());
    before.close();

    try (Snapshot after = source(disk, raw).reattach(request(), before.handle())) {
      assertThat(after.takenAt()).isEqualTo(before.takenAt());
      assertThat(after.handle()).isEqualTo(before.handle());
      assertThat(after.disks().getFirst().changeId())
          .isPresent()
          .isEqualTo(before.disks().getFirst().changeId());
    }
    assertThat(marks(disk)).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"write -P 1 1M 1", "write -z 0 64k", "discard 0 64k"})
  void snapshotIsGoneWhenTheDiskWasWritten(String write) throws Exception {
    Snapshot snapshot = source(disk).snapshot(request());
    snapshot.close();
    write(disk, write);

    assertGone(disk, snapshot, "written");
  }

  @Test
  void snapshotIsGoneWhenTheDiskWasResizedAlsoWhenItWasSetBack() throws Exception {
    Snapshot snapshot = source(disk).snapshot(request());
    snapshot.close();

    resize(disk, "20M");
    assertGone(disk, snapshot, "16777216");
    resize(disk, "8M");
    assertGone(disk, snapshot, "8388608");
    resize(disk, "16M");
    assertGone(disk, snapshot, "resized");
  }

  @Test
  void snapshotIsGoneWhenItsBitmapIsGoneOrSwitchedOff() throws Exception {
    Snapshot snapshot = source(disk).snapshot(request());
    snapshot.close();
    String mark = marks(disk).getFirst();

    Tool.run("qemu-img", "bitmap", "--disable", "-f", "qcow2", disk, mark);
    assertGone(disk, snapshot, "switched off");
    Tool.run("qemu-img", "bitmap", "--remove", "-f", "qcow2", disk, mark);
    assertGone(disk, snapshot, "is gone");
  }

  @Test
  void snapshotOfARawDiskIsGoneWhenTheFileWasTouched() throws Exception {
    Path raw = Files.write(folder.resolve("disk.raw"), new byte[1 << 20]);
    Snapshot snapshot = source(raw).snapshot(request());
    snapshot.close();
    Tool.run("qemu-io", "-f", "raw", "-c", "write -P 1 4k 1", raw);

    assertGone(raw, snapshot, "written");
  }

  // Releasing marks

  @Test
  void releasesItsMarksButNotTheNeededThoseOfOthersAndOfOtherRepositories() throws Exception {
    ChangeId unneeded = mark(disk);
    ChangeId needed = mark(disk);
    Tool.run("qemu-img", "bitmap", "--add", "-f", "qcow2", disk, "somebody's");
    SnapshotRequest other =
        new SnapshotRequest(new RepositoryId("r1.b"), BACKUP, Map.of(), Set.of());
    source(disk).snapshot(other).close();
    List<String> before = bitmaps(disk);

    source(disk).releaseMarks(REPOSITORY, Map.of(VDA, Set.of(needed)));

    List<String> left = new ArrayList<>(before);
    left.removeIf(name -> name.startsWith(unneeded.value()));
    assertThat(bitmaps(disk)).containsExactlyInAnyOrderElementsOf(left).hasSize(5);
    assertThat(changes(disk, needed)).isEqualTo(known());
  }

  @Test
  void leavesDisksAloneThatAreNotNamedOrNotThere() throws Exception {
    Path second = create("second.qcow2", "1M");
    source(disk, second).snapshot(request()).close();
    FileDisks source = source(disk, second);

    source.releaseMarks(REPOSITORY, Map.of(VDB, Set.of()));
    Files.delete(second);
    source.releaseMarks(REPOSITORY, Map.of(VDB, Set.of()));

    assertThat(marks(disk)).hasSize(1);
  }

  @Test
  void lockedDiskDoesNotKeepTheMarksOfTheOthers() throws Exception {
    Path second = create("second.qcow2", "1M");
    source(disk, second).snapshot(request()).close();
    Process writer = writer(disk);
    try {
      assertThatThrownBy(() ->
              source(disk, second).releaseMarks(REPOSITORY, Map.of(VDA, Set.of(), VDB, Set.of())))
          .isInstanceOf(SourceException.class)
          .hasMessageContaining("disk.qcow2");
    } finally {
      writer.destroy();
      writer.waitFor();
    }
    assertThat(bitmaps(second)).isEmpty();
  }

  @Test
  void lockThatEndsByItselfIsWaitedFor() throws Exception {
    Process writer = writer(disk);
    CompletableFuture<Void> end =
        CompletableFuture.runAsync(
            writer::destroy, CompletableFuture.delayedExecutor(1, TimeUnit.SECONDS));

    source(disk).snapshot(request()).close();

    end.join();
    assertThat(marks(disk)).hasSize(1);
  }
}
