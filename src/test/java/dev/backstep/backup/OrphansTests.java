package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.DiskLock;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.repository.Orphans;
import dev.backstep.repository.Orphans.Orphan;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OrphansTests {

  @TempDir Path temp;

  private Repository repository;
  private LayeredDisk disk;
  private Orphans orphans;

  @BeforeEach
  void makeChain() throws IOException {
    Path root = temp.resolve("repository");
    disk = new LayeredDisk(root);
    for (int i = 0; i < 3; i++) {
      disk.add(4 << 16, Compression.NONE, i, index -> 'd');
    }
    repository = Repository.open(root);
    orphans = new Orphans(repository);
  }

  private Path file(String name) throws IOException {
    return Files.writeString(disk.folder.path().resolve(name), "x");
  }

  private List<String> found() throws IOException {
    return orphans.find().stream().map(one -> one.file().getFileName().toString()).toList();
  }

  @Test
  void whatAChainNeedsIsNoOrphan() throws Exception {
    assertThat(found()).isEmpty();
  }

  @Test
  void everyKindIsFoundAndNothingThatTheFormatDoesNotName() throws Exception {
    file("notes.txt");
    file("backup-x.qcow2.bak");
    file("a.qcow2");
    file("b.sums");
    file("c.qcow2.partial");
    file("d.merge.qcow2.partial");
    file("e.next.sums");
    file("f.json.partial");
    Files.writeString(repository.root().resolve("repository.json.0-1.partial"), "x");

    assertThat(found())
        .containsExactlyInAnyOrder(
            "a.qcow2",
            "b.sums",
            "c.qcow2.partial",
            "d.merge.qcow2.partial",
            "e.next.sums",
            "f.json.partial",
            "repository.json.0-1.partial");
    assertThat(orphans.find()).extracting(Orphan::why).contains("image", "checksums", "partial");
  }

  /** A chain that lost a manifest is repaired by hand, not tidied up. */
  @Test
  void anImageThatAnotherManifestStandsOnIsNoOrphan() throws Exception {
    Files.delete(disk.folder.path().resolve(disk.ids.get(1) + ".json"));

    assertThat(found()).isEmpty();
  }

  @Test
  void besideAManifestThatCannotBeReadNothingIs() throws Exception {
    file("a.qcow2");
    file("b.json");

    assertThat(found()).isEmpty();
  }

  @Test
  void aMergedImageThatIsAboutToReplaceOneIsNone() throws Exception {
    DiskBackupId id = disk.ids.get(2);
    ImageMerge.Request request =
        new ImageMerge.Request(disk.folder, id, Optional.empty(), Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      ReplacementSteps.run(disk.folder, id, merge.finish(Instant.EPOCH), 2);
    }

    assertThat(found()).isEmpty();
    disk.folder.settle(id);
    assertThat(found()).isEmpty();
  }

  @Test
  void collectsWhatIsStillOneAndNobodyHas() throws Exception {
    Path one = file("a.qcow2");
    Path changed = file("b.qcow2");
    Path open = file("c.qcow2.partial");
    List<Orphan> found = orphans.find();
    Files.setLastModifiedTime(changed, FileTime.from(Instant.EPOCH));

    try (DiskLock lock = DiskLock.exclusive(open)) {
      assertThat(lock.path()).isEqualTo(open);
      for (Orphan orphan : found) {
        assertThat(orphans.collect(orphan)).isEqualTo(orphan.file().equals(one));
      }
    }

    assertThat(one).doesNotExist();
    assertThat(changed).exists();
    assertThat(open).exists();
    assertThat(found()).containsExactly("b.qcow2", "c.qcow2.partial");
  }
}
