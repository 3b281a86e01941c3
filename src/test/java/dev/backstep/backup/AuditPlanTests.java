package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.CbtAuditDefinition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AuditPlanTests {

  private static final int CLUSTER = ClusterMap.CLUSTER_BYTES;

  @ParameterizedTest
  @CsvSource({"16384, 256, 1", "16384, 256, 64", "16384, 256, 400", "1000, 50, 20", "40, 39, 1"})
  void aLieIsFoundAsOftenAsTheFormulaSays(int clusters, int sample, int lied) {
    ClusterMap unchanged = whole((long) clusters * CLUSTER);
    Random random = new Random(clusters + lied);
    BitSet lies = new BitSet();
    while (lies.cardinality() < lied) {
      lies.set(random.nextInt(clusters));
    }
    int trials = 3000;
    int found = 0;
    for (int seed = 0; seed < trials; seed++) {
      AuditPlan plan =
          AuditPlan.of(
              unchanged,
              new CbtAuditDefinition(sample, Duration.ZERO),
              0,
              Duration.ofDays(1),
              seed);
      assertThat(picked(plan).cardinality()).isEqualTo(sample);
      found += picked(plan).intersects(lies) ? 1 : 0;
    }

    double expected = 1 - missed(clusters, sample, lied);
    double deviation = Math.sqrt(expected * (1 - expected) / trials);
    assertThat((double) found / trials).isCloseTo(expected, within(4 * deviation + 1e-9));
  }

  /** All picks beside the lie: C(clusters - lied, sample) / C(clusters, sample). */
  private static double missed(int clusters, int sample, int lied) {
    double missed = 1;
    for (int i = 0; i < lied; i++) {
      missed *= Math.max(0.0, clusters - sample - i) / (clusters - i);
    }
    return missed;
  }

  @Test
  void everyByteIsReadWithinTheTimeHoweverBackupsFall() {
    Random random = new Random(7);
    for (int round = 0; round < 50; round++) {
      long size = 1 + random.nextLong(3_000L * CLUSTER);
      CbtAuditDefinition audit = new CbtAuditDefinition(0, Duration.ofDays(28));
      BitSet read = new BitSet();
      long position = random.nextInt(4) * (size / 4 / CLUSTER) * CLUSTER;
      Duration passed = Duration.ZERO;
      while (passed.compareTo(Duration.ofDays(28)) < 0) {
        Duration since = Duration.ofMinutes(1 + random.nextInt(6000));
        AuditPlan plan = AuditPlan.of(whole(size), audit, position, since, 0);
        long share = Math.ceilDiv(size * since.toMinutes(), 28L * 24 * 60);
        assertThat(plan.clusters().dataBytes()).isLessThanOrEqualTo(share + 2 * CLUSTER);
        read.or(picked(plan));
        position = plan.position();
        assertThat(position % CLUSTER).isZero();
        passed = passed.plus(since);
      }
      assertThat(read.cardinality())
          .as("size %s", size)
          .isEqualTo((int) Math.ceilDiv(size, CLUSTER));
    }
  }

  @Test
  void onlyWhatIsGivenIsChosen() {
    ClusterMap unchanged = new ClusterMap(10L * CLUSTER + 17);
    unchanged.data(new ByteRange(0, 10L * CLUSTER + 17));
    ClusterMap copied = new ClusterMap(12L * CLUSTER);
    copied.extent(3L * CLUSTER, 5L * CLUSTER, ExtentKind.DATA);
    copied.extent(9L * CLUSTER, CLUSTER, ExtentKind.ZERO);
    unchanged.forget(copied);

    AuditPlan plan =
        AuditPlan.of(
            unchanged,
            new CbtAuditDefinition(1000, Duration.ofDays(1)),
            8L * CLUSTER,
            Duration.ofDays(2),
            1);

    List<ByteRange> runs = new ArrayList<>();
    Optional<ClusterMap.Run> run = plan.clusters().next(0, Long.MAX_VALUE);
    while (run.isPresent()) {
      runs.add(run.get().range());
      run = plan.clusters().next(run.get().range().end(), Long.MAX_VALUE);
    }
    assertThat(runs)
        .containsExactly(
            new ByteRange(0, 3L * CLUSTER),
            new ByteRange(8L * CLUSTER, CLUSTER),
            new ByteRange(10L * CLUSTER, 17));
  }

  @Test
  void anEmptyDiskAndAnAuditThatIsOffReadNothing() {
    CbtAuditDefinition audit = CbtAuditDefinition.STANDARD;
    assertThat(
            AuditPlan.of(new ClusterMap(0), audit, 0, Duration.ofDays(9), 1).clusters().dataBytes())
        .isZero();
    AuditPlan off =
        AuditPlan.of(
            whole(1 << 30),
            new CbtAuditDefinition(0, Duration.ZERO),
            5L * CLUSTER,
            Duration.ofDays(9),
            1);
    assertThat(off.clusters().dataBytes()).isZero();
    assertThat(off.position()).isEqualTo(5L * CLUSTER);
    assertThat(
            AuditPlan.of(whole(1 << 20), audit, 0, Duration.ofDays(-9), 1).clusters().dataBytes())
        .as("a clock that was set back: the sample is the whole small disk")
        .isEqualTo(1 << 20);
  }

  private static ClusterMap whole(long size) {
    ClusterMap map = new ClusterMap(size);
    map.data(new ByteRange(0, size));
    return map;
  }

  private static BitSet picked(AuditPlan plan) {
    BitSet picked = new BitSet();
    Optional<ClusterMap.Run> run = plan.clusters().next(0, Long.MAX_VALUE);
    while (run.isPresent()) {
      ByteRange range = run.get().range();
      picked.set((int) (range.offset() / CLUSTER), (int) Math.ceilDiv(range.end(), CLUSTER));
      run = plan.clusters().next(range.end(), Long.MAX_VALUE);
    }
    return picked;
  }
}
