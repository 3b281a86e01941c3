package dev.backstep.job.copy;

import dev.backstep.domain.RetentionDefinition;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a copy needs to know, as its task keeps it.
 *
 * @param source folder of the one repository
 * @param target folder of the other one
 * @param points oldest first
 * @param retention which copies stay; null for all
 */
record CopySettings(
    String source, String target, List<Point> points, @Nullable Retention retention) {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  CopySettings {
    points = List.copyOf(points);
  }

  /** A restore point to copy. */
  record Point(String vmId, String backupId) {}

  /**
   * The retention of a VM's copies.
   *
   * @param zone in which its days begin
   */
  record Retention(
      String vmId,
      String zone,
      int last,
      int hourly,
      int daily,
      int weekly,
      int monthly,
      int yearly,
      long minAgeSeconds) {

    static Retention of(String vmId, String zone, RetentionDefinition rules) {
      return new Retention(
          vmId,
          zone,
          rules.last(),
          rules.hourly(),
          rules.daily(),
          rules.weekly(),
          rules.monthly(),
          rules.yearly(),
          rules.minAge().toSeconds());
    }

    RetentionDefinition rules() {
      return new RetentionDefinition(
          last, hourly, daily, weekly, monthly, yearly, Duration.ofSeconds(minAgeSeconds));
    }
  }

  static CopySettings read(String text) {
    return JSON.readValue(text, CopySettings.class);
  }

  String text() {
    return JSON.writeValueAsString(this);
  }

  /** The VMs that it is about. */
  Set<String> machines() {
    Set<String> machines = points.stream().map(Point::vmId).collect(Collectors.toSet());
    if (retention != null) {
      machines.add(retention.vmId());
    }
    return machines;
  }
}
