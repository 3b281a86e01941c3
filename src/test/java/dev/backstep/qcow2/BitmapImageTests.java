package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Judged by QEMU, whose own bitmaps these are merged into. */
class BitmapImageTests {

  private static final long GIB = 1L << 30;

  @TempDir private Path folder;

  /** One granule, parts of one, ends and beginnings of what a byte, a table entry, an L1 covers. */
  @ParameterizedTest
  @CsvSource({
    "512, 65536",
    "65536, 65536",
    "66048, 65536",
    "524288, 65536",
    "524800, 65536",
    "536870912, 65536",
    "536871424, 65536",
    "34359738368, 65536",
    "34359738880, 65536",
    "4398046511104, 65536",
    "281474976710656, 65536",
    "3221225984, 512",
    "3221225984, 2097152"
  })
  void qemuFindsTheLastGranuleDirtyAndNoOther(long sizeBytes, int granularity) throws Exception {
    Path image = write(sizeBytes, granularity);
    Tool.checkImage(image);
    assertThat(Qcow2Checker.check(image).isClean()).isTrue();
    assertThat(dirty(image, "end")).isEqualTo(lastGranule(sizeBytes, granularity));

    Path disk = folder.resolve("disk.qcow2");
    Tool.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", disk, sizeBytes + "");
    Tool.run("qemu-img", "bitmap", "--add", "-g", granularity, "-f", "qcow2", disk, "copy");
    Tool.run("qemu-img", "bitmap", "--merge", "end", "-F", "qcow2", "-b", image, disk, "copy");
    assertThat(dirty(disk, "copy")).isEqualTo(lastGranule(sizeBytes, granularity));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -512, 511, 1000, (1L << 48) + 512, Long.MAX_VALUE - 511})
  void sizesThatNoImageHasAreRefused(long sizeBytes) {
    assertThatThrownBy(() -> BitmapImage.withDirtyEnd(sizeBytes, "end", 65536))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(sizeBytes + " bytes");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 256, 65537, Integer.MIN_VALUE})
  void granulesThatNoBitmapHasAreRefused(int granularity) {
    assertThatThrownBy(() -> BitmapImage.withDirtyEnd(GIB, "end", granularity))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("granules of " + granularity);
  }

  @Test
  void namesThatAreNoneAreRefused() {
    for (String name : List.of("", "ä", "x".repeat(1024))) {
      assertThatThrownBy(() -> BitmapImage.withDirtyEnd(GIB, name, 65536))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private Path write(long sizeBytes, int granularity) throws IOException {
    return Files.write(
        folder.resolve("end.qcow2"), BitmapImage.withDirtyEnd(sizeBytes, "end", granularity));
  }

  private static String lastGranule(long sizeBytes, int granularity) {
    long at = (sizeBytes - 1) / granularity * granularity;
    return at + "+" + (sizeBytes - at);
  }

  /** Offset and length of what a bitmap calls dirty, as qemu-nbd shows it. */
  private String dirty(Path image, String bitmap) throws Exception {
    Path socket = folder.resolve("nbd.sock");
    Process server =
        new ProcessBuilder(
                "qemu-nbd", "-r", "-t", "-f", "qcow2", "-B", bitmap, "-k", socket + "", image + "")
            .inheritIO()
            .start();
    try {
      String uri = "nbd+unix:///?socket=" + socket;
      while (server.isAlive() && Tool.tryRun("nbdinfo", "--size", uri).status() != 0) {
        Thread.sleep(10);
      }
      String map = Tool.run("nbdinfo", "--map=qemu:dirty-bitmap:" + bitmap, uri);
      return String.join(
          " ",
          map.lines()
              .map(line -> line.strip().split("\\s+"))
              .filter(part -> part[2].equals("1"))
              .map(part -> part[0] + "+" + part[1])
              .toList());
    } finally {
      server.destroy();
      assertThat(server.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }
  }
}
