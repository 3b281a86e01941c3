package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.RefusedRoom;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Room that is taken ahead of a growing image is gone when the image is finished. */
class RoomAheadTests {

  private static final int DISK_BYTES = 80 << 20;
  private static final int BLOCK_BYTES = 1 << 20;

  @TempDir Path folder;

  private byte[] disk() throws IOException {
    byte[] disk = new byte[DISK_BYTES];
    new Random(11).nextBytes(disk);
    Files.write(folder.resolve("disk.raw"), disk);
    return disk;
  }

  private static Qcow2Spec spec() {
    return new Qcow2Spec(DISK_BYTES, Optional.empty(), 16, Compression.NONE, 1);
  }

  private static void write(Qcow2Writer writer, byte[] disk, int from, int to) throws IOException {
    for (int at = from; at < to; at += BLOCK_BYTES) {
      writer.write(new HeapBlock(disk, List.of(new ByteRange(at, BLOCK_BYTES))));
    }
  }

  private long finished(Path image) throws IOException {
    byte[] disk = disk();
    try (Qcow2Writer writer = Qcow2Writer.create(image, spec())) {
      write(writer, disk, 0, DISK_BYTES);
      return writer.finish();
    }
  }

  private void requireWhole(Path image, long told) throws IOException {
    assertThat(Files.size(image)).isEqualTo(told).isLessThan(DISK_BYTES + (2 << 20));
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", folder.resolve("disk.raw"), "raw");
  }

  @Test
  void fileIsLongerThanItsContentWhileItGrowsAndSmallOnesAreNot() throws IOException {
    try (DirectFile file = DirectFile.create(folder.resolve("image"))) {
      RoomAhead room = new RoomAhead(file, 0);
      long begin = RoomAhead.BEGIN;
      long step = RoomAhead.STEP_BYTES;

      room.grow(0, begin);
      assertThat(file.sizeBytes()).isZero();
      room.grow(begin, begin + 1);
      assertThat(file.sizeBytes()).isEqualTo(begin + step);
      room.grow(begin + 1, begin + step);
      assertThat(file.sizeBytes()).isEqualTo(begin + step);
      room.grow(begin + step, begin + step + 1);
      assertThat(file.sizeBytes()).isEqualTo(begin + 2 * step);
    }
  }

  @Test
  void noRoomIsTakenFromADiskThatIsNearlyFull() throws IOException {
    try (DirectFile file = DirectFile.create(folder.resolve("image"))) {
      new RoomAhead(file, Long.MAX_VALUE).grow(RoomAhead.BEGIN, RoomAhead.BEGIN + 1);

      assertThat(file.sizeBytes()).isZero();
    }
  }

  @Test
  void finishedImageHasNothingOfTheRoomLeft() throws IOException {
    Path image = folder.resolve("image.qcow2");

    requireWhole(image, finished(image));
  }

  @Test
  void anotherProcessGoesOnInAFileThatIsLongerThanItsState() throws IOException {
    byte[] disk = disk();
    Path image = folder.resolve("image.qcow2");
    WriterState state;
    try (Qcow2Writer writer = Qcow2Writer.create(image, spec())) {
      write(writer, disk, 0, DISK_BYTES - BLOCK_BYTES);
      writer.beginCheckpoint();
      writer.awaitCheckpoint();
      state = writer.durable().orElseThrow();
    }
    try (DirectFile file = DirectFile.open(image)) {
      new RoomAhead(file, 0).grow(state.hostOffset(), state.hostOffset() + 1);
    }
    assertThat(Files.size(image)).isGreaterThan(state.hostOffset() + (100 << 20));

    long told;
    try (Qcow2Writer writer = Qcow2Writer.resume(image, spec(), state, Optional.empty())) {
      write(writer, disk, (int) state.guestOffset(), DISK_BYTES);
      told = writer.finish();
    }

    requireWhole(image, told);
  }

  @Test
  void fileSystemThatRefusesIsAskedOnceAndTheImageIsRight() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Files.createFile(folder.resolve("bare"));
    long told;
    try (RefusedRoom refused = RefusedRoom.begin()) {
      try (DirectFile file = DirectFile.open(folder.resolve("bare"))) {
        RoomAhead room = new RoomAhead(file, 0);
        room.grow(RoomAhead.BEGIN, RoomAhead.BEGIN + 1);
        room.grow(RoomAhead.BEGIN + 1, RoomAhead.BEGIN * 100);
      }
      assertThat(refused.asked()).isOne();
      told = finished(image);
    }

    requireWhole(image, told);
  }
}
