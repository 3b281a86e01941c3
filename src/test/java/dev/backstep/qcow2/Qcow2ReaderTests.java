package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that QEMU made. */
class Qcow2ReaderTests {

  @TempDir Path folder;

  private static byte[] content(Path image) throws IOException {
    try (Qcow2Reader reader = Qcow2Reader.open(image, 4)) {
      byte[] bytes = new byte[(int) reader.sizeBytes()];
      for (int at = 0; at < bytes.length; at += 1_000_003) {
        int length = Math.min(bytes.length - at, 1_000_003);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(bytes, at, length);
        }
      }
      return bytes;
    }
  }

  private void sameAsQemu(Path image) throws IOException {
    Path raw = folder.resolve("by-qemu.raw");
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image, raw);
    assertThat(content(image)).isEqualTo(Files.readAllBytes(raw));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=0.10,cluster_size=512",
        "compat=1.1,cluster_size=512",
        "compat=1.1,cluster_size=1k",
        "compat=1.1,cluster_size=2k",
        "compat=1.1,cluster_size=4k",
        "compat=1.1,cluster_size=8k",
        "compat=1.1,cluster_size=16k",
        "compat=1.1,cluster_size=32k",
        "compat=1.1,cluster_size=64k",
        "compat=1.1,cluster_size=128k",
        "compat=1.1,cluster_size=256k",
        "compat=1.1,cluster_size=512k",
        "compat=1.1,cluster_size=1M",
        "compat=1.1,cluster_size=2M",
        "compat=1.1,refcount_bits=1",
        "compat=1.1,refcount_bits=64",
        "compat=1.1,preallocation=metadata",
        "compat=1.1,lazy_refcounts=on"
      })
  void readsWhatQemuWrites(String options) throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, java.util.Arrays.copyOf(Qcow2WriterTests.disk(5_000_192, 1), 5_000_192));
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, model, image);

    assertThat(content(image)).isEqualTo(Files.readAllBytes(model));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "compat=0.10",
        "compat=1.1,cluster_size=4k",
        "compat=1.1,cluster_size=64k",
        "compat=1.1,cluster_size=2M",
        "compat=1.1,compression_type=zstd",
        "compat=1.1,compression_type=zstd,cluster_size=256k"
      })
  void readsCompressedClusters(String options) throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, Qcow2WriterTests.disk(6_000_128, 2));
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, model, image);

    assertThat(content(image)).isEqualTo(Files.readAllBytes(model));
  }

  /** Layers of other cluster sizes, larger and smaller, with zeros and discards between. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void readsChains(long seed) throws IOException {
    Random random = new Random(seed);
    Path below = folder.resolve("0.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", below, "5M");
    List<String> sizes = List.of("512", "4k", "64k", "128k", "2M");
    for (int layer = 1; layer <= 8; layer++) {
      Path top = folder.resolve(layer + ".qcow2");
      int mib = 3 + random.nextInt(6);
      Tool.run(
          "qemu-img",
          "create",
          "-q",
          "-f",
          "qcow2",
          "-F",
          "qcow2",
          "-b",
          below.getFileName(),
          "-o",
          "cluster_size=" + sizes.get(random.nextInt(5)),
          top,
          mib + "M");
      List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
      for (int i = 0; i < 6; i++) {
        long at = random.nextInt((mib << 20) / 512 - 2000) * 512L;
        long length = (1 + random.nextInt(1999)) * 512L;
        command.add("-c");
        command.add(
            switch (random.nextInt(4)) {
              case 0 -> "write -z " + at + " " + length;
              case 1 -> "discard " + at + " " + length;
              default -> "write -P " + (1 + random.nextInt(255)) + " " + at + " " + length;
            });
      }
      command.add(top);
      Tool.run(command.toArray());
      below = top;
    }

    sameAsQemu(below);
  }

  @Test
  void allocationCoversEveryByteThatIsNotZero() throws IOException {
    Path model = folder.resolve("model.raw");
    byte[] disk = Qcow2WriterTests.disk(9_000_448, 4);
    Files.write(model, disk);
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", model, image);

    long[] end = {0};
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      reader.allocated((offset, length, kind) -> {
        assertThat(offset).isEqualTo(end[0]);
        end[0] += length;
        for (long at = offset; kind == ExtentKind.ZERO && at < offset + length; at++) {
          assertThat(disk[(int) at]).isZero();
        }
      });
    }

    assertThat(end[0]).isEqualTo(disk.length);
  }

  @Test
  void sparseDiskOfFourTebibytesIsWalkedAtOnce() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "4T");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 3T 64k", image);

    List<ByteRange> data = new ArrayList<>();
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      reader.allocated((offset, length, kind) -> {
        if (kind == ExtentKind.DATA) {
          data.add(new ByteRange(offset, length));
        }
      });
    }

    assertThat(data).containsExactly(new ByteRange(3L << 40, 65536));
  }

  @Test
  void namesTheBackingFileThatIsMissing() {
    Path base = folder.resolve("base.qcow2");
    Path top = folder.resolve("top.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", base, "1M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, top);
    assertThat(base.toFile().delete()).isTrue();

    assertThatThrownBy(() -> Qcow2Reader.open(top, 2))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("base.qcow2")
        .hasMessageContaining("missing");
  }

  @Test
  void refusesAChainThatLoops() {
    Path one = folder.resolve("one.qcow2");
    Path two = folder.resolve("two.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", one, "1M");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", one, two);
    Tool.run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", two, one);

    assertThatThrownBy(() -> Qcow2Reader.open(one, 2))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("loop");
  }

  @Test
  void refusesWhatItDoesNotSupportByName() {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", image, "1M");

    assertThatThrownBy(() -> Qcow2Reader.open(image, 2))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("extended L2")
        .hasMessageContaining("qemu-img convert");
  }

  @Test
  void refusesAHeaderOfUnknownVersion() throws IOException {
    Path image = smallImage();
    patch(image, 7, (byte) 9);

    assertThatThrownBy(() -> Qcow2Reader.open(image, 2))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("at byte 4: version 9, expected 2 or 3");
  }

  /**
   * Every byte of header and tables set to several values: an answer or a format error, no more.
   */
  @Test
  void wildBytesGiveAFormatErrorOrAnAnswer() throws IOException {
    Path image = smallImage();
    byte[] good = Files.readAllBytes(image);
    Random random = new Random(1);
    int tables = Math.min(good.length, 4 * 4096);
    for (int at = 0; at < tables; at += at < 120 ? 1 : 1 + random.nextInt(40)) {
      for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff}) {
        byte[] bad = good.clone();
        bad[at] = (byte) value;
        Files.write(image, bad);
        readEverything(image, "byte " + at + " = " + value);
      }
    }
  }

  @Test
  void truncationsGiveAFormatErrorOrAnAnswer() throws IOException {
    Path image = smallImage();
    byte[] good = Files.readAllBytes(image);
    for (int length = 0; length < good.length; length += length < 200 ? 1 : 509) {
      Files.write(image, java.util.Arrays.copyOf(good, length));
      readEverything(image, "cut at " + length);
    }
  }

  private void readEverything(Path image, String what) {
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      if (reader.sizeBytes() > 64 << 20) {
        return;
      }
      reader.allocated((offset, length, kind) -> {});
      for (long at = 0; at < reader.sizeBytes(); at += 1 << 20) {
        long length = Math.min(1 << 20, reader.sizeBytes() - at);
        reader.read(List.of(new ByteRange(at, length))).join().close();
      }
    } catch (Qcow2FormatException e) {
      assertThat(e).as(what).hasMessageContaining("image.qcow2 at byte ");
    } catch (CompletionException e) {
      assertThat(e.getCause()).as(what).isInstanceOf(Qcow2FormatException.class);
    } catch (IOException e) {
      throw new AssertionError(what, e);
    }
  }

  private Path smallImage() throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, Qcow2WriterTests.disk(200_192, 6));
    Path image = folder.resolve("image.qcow2");
    Tool.run(
        "qemu-img",
        "convert",
        "-c",
        "-f",
        "raw",
        "-O",
        "qcow2",
        "-o",
        "cluster_size=4k,compression_type=zstd",
        model,
        image);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 5 8k 12k", "-c", "write -z 64k 8k", image);
    return image;
  }

  private static void patch(Path image, long at, byte value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(at);
      file.write(value);
    }
  }
}
