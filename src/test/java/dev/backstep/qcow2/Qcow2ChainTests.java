package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Backing file names and chains that somebody made up, and files that end too early. */
class Qcow2ChainTests {

  @TempDir Path temp;

  private Path folder;
  private Path top;

  @BeforeEach
  void setUp() throws IOException {
    folder = Files.createDirectory(temp.resolve("disk-0"));
    top = folder.resolve("top.qcow2");
  }

  /** An overlay that names a backing file which QEMU does not look at. */
  private void overlay(Path image, String backing) {
    Tool.run(
        "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing, image, "1M");
  }

  private static void standalone(Path image) {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "1M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 64k", image);
  }

  private static byte[] read(Path image, long offset, int length) throws IOException {
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2);
        Block block = reader.read(List.of(new ByteRange(offset, length))).join()) {
      byte[] bytes = new byte[length];
      block.bytes(0).get(bytes);
      return bytes;
    }
  }

  private void refuses(String problem) {
    assertThatThrownBy(() -> Qcow2Reader.open(top, 2))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("top.qcow2 at byte 8: ")
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}}",
        "nbd:unix:/run/nbd.socket",
        "nbd://localhost/export",
        "https://localhost/base.qcow2",
        "file:base.qcow2",
        "a:base.qcow2",
        ":base.qcow2"
      })
  void followsNoUris(String name) {
    standalone(folder.resolve("base.qcow2"));
    overlay(top, name);

    refuses("is no file name; URIs and options are not followed");
  }

  @Test
  void followsNoNameOutOfTheFolder() throws IOException {
    Path other = temp.resolve("base.qcow2");
    standalone(other);
    standalone(Files.createDirectory(folder.resolve("below")).resolve("base.qcow2"));

    for (String name :
        List.of(
            "../base.qcow2",
            "./.././base.qcow2",
            "below/base.qcow2",
            "below/../../base.qcow2",
            "..",
            ".",
            "/",
            "/dev/zero",
            other.toString())) {
      overlay(top, name);
      refuses("leaves the image's folder");
    }
  }

  @Test
  void followsNamesOfTheSameFolder() throws IOException {
    Path base = folder.resolve("base.qcow2");
    standalone(base);

    for (String name : List.of("base.qcow2", "./base.qcow2", "../disk-0/base.qcow2", "" + base)) {
      overlay(top, name);
      assertThat(read(top, 0, 2)).containsExactly(9, 9);
    }
  }

  @Test
  void refusesFoldersAndPipesWithoutWaitingForThem() throws IOException {
    Files.createDirectory(folder.resolve("folder.qcow2"));
    Tool.run("mkfifo", folder.resolve("pipe.qcow2"));

    overlay(top, "folder.qcow2");
    refuses("is no regular file");
    overlay(top, "pipe.qcow2");
    refuses("is no regular file");
  }

  @Test
  void refusesANameThatNoFileCanHave() throws IOException {
    overlay(top, "base.qcow2");
    try (RandomAccessFile file = new RandomAccessFile(top.toFile(), "rw")) {
      file.seek(8);
      file.seek(file.readLong());
      file.write(0);
    }

    refuses("backing file name is none that a file can have");
  }

  @Test
  void refusesABackingFileOfAnotherFormat() throws IOException {
    Files.write(folder.resolve("base.raw"), new byte[1 << 20]);
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", top, "1M");

    refuses("backing file base.raw has format raw, supported is qcow2");
  }

  @Test
  void refusesAnImageThatBacksItselfUnderAnotherName() throws IOException {
    Files.createSymbolicLink(folder.resolve("base.qcow2"), top.getFileName());
    overlay(top, "base.qcow2");

    refuses("backing files are a loop");
  }

  @Test
  void readsChainsOfAThousandImagesAndNoMore() throws IOException {
    standalone(folder.resolve("0.qcow2"));
    for (int i = 1; i < 1000; i++) {
      copyOfOverlay(folder.resolve(i + ".qcow2"), i - 1);
    }
    assertThat(read(folder.resolve("999.qcow2"), 0, 2)).containsExactly(9, 9);

    copyOfOverlay(top, 999);

    refuses("the chain has more than 1000 images");
  }

  /** An overlay of the simplest kind: a header, a name and an empty L1 table. */
  private static void copyOfOverlay(Path image, int below) throws IOException {
    byte[] name = (below + ".qcow2").getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    ByteBuffer head = ByteBuffer.allocate(2 * 65536);
    head.putInt(Qcow2Constants.MAGIC).putInt(3).putLong(200).putInt(name.length);
    head.putInt(16).putLong(1 << 20).putInt(0).putInt(1).putLong(65536);
    head.putInt(96, 4).putInt(100, 104).put(200, name);
    Files.write(image, head.array());
  }

  /** Each file is sparse and takes no room, but says that it has 4 million L1 entries. */
  @Test
  void refusesChainsWhoseTablesDoNotFitInMemory() throws IOException {
    Path below = folder.resolve("0.qcow2");
    copyOfOverlay(below, 0);
    patchInt(below, 16, 0);
    patchInt(below, 12, 0);
    for (int i = 1; i < 6; i++) {
      copyOfOverlay(folder.resolve(i + ".qcow2"), i - 1);
    }
    copyOfOverlay(top, 5);
    for (int i = 0; i < 6; i++) {
      withHugeL1(folder.resolve(i + ".qcow2"));
    }

    refuses("L1 tables take more than 67108864 bytes");
  }

  private static void withHugeL1(Path image) throws IOException {
    patchInt(image, 36, 4 << 20);
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(33 << 20);
    }
  }

  private static void patchInt(Path image, long at, int value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(at);
      file.writeInt(value);
    }
  }

  private static void truncate(Path image, long length) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(length);
    }
  }

  /** QEMU reads zeros where data was; we must not give them for a backup. */
  @Test
  void aClusterBehindTheEndOfTheFileIsNotZeros() throws IOException {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", top, "1M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 256k", top);
    long full = Files.size(top);

    truncate(top, full - 65536);
    assertThat(read(top, 0, 3 * 65536)).containsOnly(9);
    for (long offset : List.of(0L, 3L * 65536, 4L * 65536 - 1)) {
      assertThatThrownBy(() -> read(top, offset, (int) (4 * 65536 - offset)))
          .hasRootCauseInstanceOf(Qcow2FormatException.class)
          .hasMessageContaining("data lies behind the file's end");
    }
    truncate(top, full - 2 * 65536 + 1);
    assertThatThrownBy(() -> read(top, 0, 4 * 65536))
        .hasRootCauseInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("at byte " + (full - 65536) + ": data lies behind the file's end");
  }

  /** As QEMU leaves it when a disk's last bytes do not fill a cluster. */
  @Test
  void theClusterInWhichTheFileEndsReadsAsZerosFromThereOn() throws IOException {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", top, "1M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 256k", top);
    truncate(top, Files.size(top) - 65536 + 1000);

    byte[] bytes = read(top, 3 * 65536, 65536);

    assertThat(bytes).startsWith(9, 9).endsWith(0, 0);
    for (int i = 0; i < bytes.length; i++) {
      assertThat(bytes[i]).as("byte " + i).isEqualTo((byte) (i < 1000 ? 9 : 0));
    }
  }

  @Test
  void readsDisksThatEndWithinAClusterAndWithinASector() throws IOException {
    for (long size : List.of(1L, 511L, 513L, 65535L, 65537L, 1_000_001L)) {
      Files.deleteIfExists(top);
      Path model = temp.resolve("model.raw");
      byte[] disk = Qcow2WriterTests.disk((int) size, size);
      Files.write(model, disk);
      Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", model, top);

      try (Qcow2Reader reader = Qcow2Reader.open(top, 2)) {
        assertThat(reader.sizeBytes()).isEqualTo(Math.ceilDiv(size, 512) * 512);
      }
      assertThat(read(top, 0, (int) size)).isEqualTo(disk);
    }
  }

  @Test
  void readsImagesThatAreAllHoles() throws IOException {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", top, "4T");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -z -n 1T 4G", top);

    assertThat(read(top, (1L << 40) - 512, 1 << 20)).containsOnly(0);
    assertThat(read(top, (4L << 40) - 512, 512)).containsOnly(0);
  }
}
