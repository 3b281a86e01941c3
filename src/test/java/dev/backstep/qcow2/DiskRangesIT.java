package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.ByteRange;
import dev.backstep.testing.Tool;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** From a place in an image to a place on its disk, beside what {@code qemu-img map} says. */
class DiskRangesIT {

  private static final long CLUSTER = 65_536;

  @TempDir private Path folder;

  private Path image(String... commands) {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "2000000000");
    for (String command : commands) {
      Tool.run("qemu-io", "-f", "qcow2", "-c", command, image);
    }
    return image;
  }

  private static Map<ByteRange, List<ByteRange>> of(Path image, long offset, long length) {
    return DiskRanges.of(image, List.of(new ByteRange(offset, length)));
  }

  @Test
  void dataIsFoundWhereQemuHasIt() {
    Path image = image("write -P 1 1G 192k", "write -P 2 0 64k", "write -P 3 1900M 64k");
    JsonNode map =
        new JsonMapper()
            .readTree(Tool.run("qemu-img", "map", "--output=json", "-f", "qcow2", image));
    int data = 0;
    for (JsonNode extent : map) {
      if (extent.path("offset").isNumber()) {
        long host = extent.get("offset").asLong();
        ByteRange disk = new ByteRange(extent.get("start").asLong(), extent.get("length").asLong());

        assertThat(of(image, host, disk.length()).values()).containsExactly(List.of(disk));
        assertThat(of(image, host + CLUSTER - 1, 1).values())
            .containsExactly(List.of(new ByteRange(disk.offset(), CLUSTER)));
        data++;
      }
    }
    assertThat(data).isEqualTo(3);
  }

  @Test
  void tablesAreAboutWhatTheyLeadTo() throws Exception {
    Path image = image("write -P 2 600M 64k");
    Qcow2Header header = Qcow2Header.read(image, dev.backstep.blockio.ReadOnlyFile.open(image));
    long region = header.l2Entries() * CLUSTER;

    assertThat(of(image, header.l1Offset() + 8, 1).values())
        .containsExactly(List.of(new ByteRange(region, region)));
    assertThat(of(image, 0, 100)).as("the header is about none").isEmpty();
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "r")) {
      file.seek(header.l1Offset() + 8);
      long table = file.readLong() & Qcow2Constants.OFFSET_MASK;
      long entry = (600L << 20) / CLUSTER % header.l2Entries();
      assertThat(of(image, table + entry * 8, 8).values())
          .containsExactly(List.of(new ByteRange(600L << 20, CLUSTER)));
    }
  }

  @Test
  void compressedClustersAreFoundAndWhatMakesNoSenseIsLeftOut() throws Exception {
    Path image = image("write -c -P 2 128k 64k");
    assertThat(of(image, 0, Files.size(image)).values())
        .allSatisfy(ranges -> assertThat(ranges).isNotEmpty());
    Files.write(folder.resolve("none.qcow2"), new byte[1000]);
    assertThat(of(folder.resolve("none.qcow2"), 0, 1000)).isEmpty();
    assertThat(of(folder.resolve("missing.qcow2"), 0, 1000)).isEmpty();
  }
}
