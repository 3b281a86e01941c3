package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCheck;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.blockio.FileRecording;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The power goes at every point while an image of many small tables is written with checkpoints:
 * from the newest state that was called durable by then the image is gone on with, and comes out
 * whole, checksums included.
 */
class Qcow2PowerCutIT {

  private static final int BLOCKS_PER_CHECKPOINT = 3;

  @TempDir private Path folder;

  private int folders;
  private int goneOn;

  enum Kind {
    STANDALONE(9, 150_000, 8192),
    OVERLAY(9, 150_000, 8192),
    COMPRESSED(16, 1_200_000, 65_536);

    private final int clusterBits;
    private final int diskBytes;
    private final int blockBytes;

    Kind(int clusterBits, int diskBytes, int blockBytes) {
      this.clusterBits = clusterBits;
      this.diskBytes = diskBytes;
      this.blockBytes = blockBytes;
    }

    ChecksumKind checksum() {
      return this == OVERLAY ? ChecksumKind.SHA_256 : ChecksumKind.CRC32C;
    }

    Qcow2Spec spec() {
      return new Qcow2Spec(
          diskBytes,
          this == OVERLAY ? Optional.of("base") : Optional.empty(),
          clusterBits,
          this == COMPRESSED ? Compression.ZSTD : Compression.NONE,
          1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void goesOnFromEveryDurableState(Kind kind) throws Exception {
    byte[] disk = disk(kind.diskBytes);
    Path root = Files.createDirectory(folder.resolve("root"));
    Path cut = Files.createDirectory(folder.resolve("cut"));
    try (Qcow2Writer base = Qcow2Writer.create(root.resolve("base"), Kind.STANDALONE.spec())) {
      base.finish();
    }
    Qcow2Writer[] writing = new Qcow2Writer[1];
    FileRecording recording =
        FileRecording.start(
            root, () -> writing[0] == null ? Optional.<WriterState>empty() : writing[0].durable());
    try (recording;
        ChecksumLog sums = ChecksumLog.create(root.resolve("sums"), kind.checksum());
        Qcow2Writer writer =
            Qcow2Writer.create(root.resolve("image"), kind.spec(), Optional.of(sums))) {
      DurableFiles.createFolders(root.resolve("names-forced"));
      writing[0] = writer;
      write(writer, disk, 0, kind.blockBytes, true);
      writer.finish();
    }
    List<FileRecording.Step> steps = recording.steps();
    for (int count = 0; count < steps.size(); count++) {
      @SuppressWarnings("unchecked")
      Optional<WriterState> state = (Optional<WriterState>) steps.get(count).before();
      for (CrashedFolder.Loss loss : CrashedFolder.Loss.values()) {
        if (state.isPresent()) {
          new CrashedFolder(recording, count, loss).writeTo(cut);
          folders++;
          goOn(kind, cut, state.get(), disk, count + " changes, unforced: " + loss);
        }
      }
    }
    new Reliability(Suite.WRITER_POWER_CUTS, kind.name())
        .with("points", steps.size())
        .with("folders", folders)
        .with("images gone on with, checked and compared", goneOn)
        .write();
  }

  private static byte[] disk(int size) {
    byte[] disk = new byte[size];
    Random random = new Random(9);
    random.nextBytes(disk);
    // Runs of zeros, and of what packs well, of all lengths.
    for (int i = 0; i < 25; i++) {
      int at = random.nextInt(size);
      int end = Math.min(size, at + random.nextInt(size / 20));
      java.util.Arrays.fill(disk, at, end, (byte) (i % 3));
    }
    return disk;
  }

  private static void write(
      Qcow2Writer writer, byte[] disk, long from, int blockBytes, boolean checkpoints)
      throws Exception {
    int blocks = 0;
    for (long at = from; at < disk.length; at += blockBytes) {
      long length = Math.min(blockBytes, disk.length - at);
      writer.write(new HeapBlock(disk, List.of(new ByteRange(at, length))));
      if (checkpoints && ++blocks % BLOCKS_PER_CHECKPOINT == 0) {
        Optional<WriterState> before = writer.durable();
        writer.beginCheckpoint();
        for (int i = 0; i < 1000 && writer.durable().equals(before); i++) {
          Thread.sleep(1);
        }
      }
    }
  }

  private void goOn(Kind kind, Path cut, WriterState state, byte[] disk, String when)
      throws Exception {
    Path image = cut.resolve("image");
    Path sums = cut.resolve("sums");
    try (ChecksumLog log =
            ChecksumLog.resume(sums, kind.checksum(), state.checksumBytes(), state.hostOffset());
        Qcow2Writer writer = Qcow2Writer.resume(image, kind.spec(), state, Optional.of(log))) {
      write(writer, disk, state.guestOffset(), kind.blockBytes, false);
      writer.finish();
    } catch (IOException e) {
      throw new AssertionError(when, e);
    }
    assertThat(Qcow2Checker.check(image).findings()).as(when).isEmpty();
    assertThat(Acknowledged.read(image, disk.length)).as(when).isEqualTo(disk);
    List<Checksum> all = new ArrayList<>();
    try (ChecksumFile file = ChecksumFile.open(sums);
        ChecksumCheck check = ChecksumCheck.open(image)) {
      for (Optional<Checksum> one = file.next(); one.isPresent(); one = file.next()) {
        all.add(one.get());
      }
      assertThat(check.check(all)).as(when).isEmpty();
    }
    goneOn++;
  }
}
