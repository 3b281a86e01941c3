package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClusterMapTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @Test
  void clusterTouchedInPartIsData() {
    ClusterMap map = new ClusterMap(10L * CLUSTER);

    map.extent(CLUSTER + 100, 1, ExtentKind.ZERO);

    assertThat(map.next(0, Long.MAX_VALUE))
        .contains(new ClusterMap.Run(new ByteRange(CLUSTER, CLUSTER), ExtentKind.DATA));
  }

  @Test
  void dataWinsOverZeroInAnyOrder() {
    ClusterMap map = new ClusterMap(4L * CLUSTER);

    map.extent(0, 2L * CLUSTER, ExtentKind.DATA);
    map.extent(0, 4L * CLUSTER, ExtentKind.ZERO);

    assertThat(map.next(0, Long.MAX_VALUE).orElseThrow().kind()).isEqualTo(ExtentKind.DATA);
    assertThat(map.next(2L * CLUSTER, Long.MAX_VALUE).orElseThrow().kind())
        .isEqualTo(ExtentKind.ZERO);
    assertThat(map.dataBytes()).isEqualTo(2L * CLUSTER);
  }

  @Test
  void refusesAnExtentOutsideTheDisk() {
    ClusterMap map = new ClusterMap(1000);

    assertThatThrownBy(() -> map.extent(900, 101, ExtentKind.DATA))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at byte 900 of 101 bytes, but the disk has 1000");
    assertThat(map.next(0, Long.MAX_VALUE)).isEmpty();
  }

  @Test
  void wholeDiskOfZerosEndsWithTheDisk() {
    ClusterMap map = new ClusterMap(3L * CLUSTER + 17);

    map.extent(0, 3L * CLUSTER + 17, ExtentKind.ZERO);

    assertThat(map.next(0, Long.MAX_VALUE).orElseThrow().range())
        .isEqualTo(new ByteRange(0, 3L * CLUSTER + 17));
    assertThat(map.next(3L * CLUSTER + 17, Long.MAX_VALUE)).isEmpty();
  }

  @Test
  void fourTebibytesOfDataAreCounted() {
    long size = (4L << 40) + 1;
    ClusterMap map = new ClusterMap(size);

    map.extent(0, size, ExtentKind.DATA);

    assertThat(map.dataBytes()).isEqualTo(size);
    assertThat(map.dataBytesBefore(1L << 40)).isEqualTo(1L << 40);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void agreesWithAPlainModel(long seed) {
    Random random = new Random(seed);
    int size = 1 + random.nextInt(700_000_000);
    ClusterMap map = new ClusterMap(size);
    ExtentKind[] model = new ExtentKind[(size + CLUSTER - 1) / CLUSTER];
    for (int i = 0; i < 40; i++) {
      int at = random.nextInt(size);
      int most = random.nextBoolean() ? 300_000 : size;
      int length = 1 + random.nextInt(Math.min(most, size - at));
      ExtentKind kind = random.nextBoolean() ? ExtentKind.DATA : ExtentKind.ZERO;
      map.extent(at, length, kind);
      add(model, size, at, length, kind);
    }

    ExtentKind[] walked = new ExtentKind[model.length];
    long data = 0;
    Optional<ClusterMap.Run> run = map.next(0, 2 << 20);
    while (run.isPresent()) {
      ByteRange range = run.get().range();
      for (long at = range.offset(); at < range.end(); at += CLUSTER) {
        walked[(int) (at / CLUSTER)] = run.get().kind();
      }
      data += run.get().kind() == ExtentKind.DATA ? range.length() : 0;
      run = map.next(range.end(), 2 << 20);
    }

    assertThat(walked).isEqualTo(model);
    assertThat(map.dataBytes()).isEqualTo(data);
  }

  private static void add(ExtentKind[] model, int size, int at, int length, ExtentKind kind) {
    for (int cluster = at / CLUSTER; cluster * (long) CLUSTER < at + (long) length; cluster++) {
      long start = (long) cluster * CLUSTER;
      long end = Math.min(size, start + CLUSTER);
      boolean whole = at <= start && at + (long) length >= end;
      if (kind == ExtentKind.DATA || !whole) {
        model[cluster] = ExtentKind.DATA;
      } else if (model[cluster] == null) {
        model[cluster] = ExtentKind.ZERO;
      }
    }
  }
}
