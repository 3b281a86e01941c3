package dev.backstep.job;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RetentionDefinition;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/** What retention would do, and why. */
public record PrunePlan(List<Machine> machines) {

  public PrunePlan {
    machines = List.copyOf(machines);
  }

  /** What becomes of a restore point. */
  public enum Action {
    /** A rule keeps it. */
    KEEP,
    /** No rule keeps it, but the image of another backup stands on one of its. */
    NEEDED,
    DROP
  }

  /**
   * The restore points of a VM in a repository.
   *
   * @param zone in which its days begin
   * @param points newest first
   */
  public record Machine(
      String vmName,
      String repository,
      RetentionDefinition retention,
      ZoneId zone,
      List<Point> points) {

    public Machine {
      points = List.copyOf(points);
    }
  }

  /**
   * @param reasons the rules that keep it; the backup that stands on it; empty when it goes
   * @param bytes of its images
   */
  public record Point(
      BackupId id, Instant takenAt, Action action, List<String> reasons, long bytes) {

    public Point {
      reasons = List.copyOf(reasons);
    }
  }

  /** What goes, each backup before those that it stands on. */
  public List<Point> dropped() {
    return machines.stream()
        .flatMap(machine -> machine.points().stream())
        .filter(point -> point.action() == Action.DROP)
        .toList();
  }

  /** Length of all files that go. */
  public long bytesFreed() {
    return dropped().stream().mapToLong(Point::bytes).sum();
  }

  /** The part of it that is about one VM. */
  public Optional<Machine> machine(String vmName) {
    return machines.stream().filter(machine -> machine.vmName().equals(vmName)).findFirst();
  }
}
