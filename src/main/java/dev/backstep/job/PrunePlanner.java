package dev.backstep.job;

import dev.backstep.backup.Needs;
import dev.backstep.backup.RetentionRules;
import dev.backstep.catalog.KeptPoints;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.VmId;
import dev.backstep.job.PrunePlan.Action;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Says what stays and what goes. Changes nothing. Thread-safe. */
public final class PrunePlanner {

  private final KeptPoints catalog;
  private final Repositories repositories;

  public PrunePlanner(KeptPoints catalog, Repositories repositories) {
    this.catalog = catalog;
    this.repositories = repositories;
  }

  /** See {@link PruneJobs#plan}. */
  public PrunePlan plan(List<JobDefinition> definitions, Instant now) {
    List<PrunePlan.Machine> machines = new ArrayList<>();
    for (JobDefinition definition : definitions) {
      Optional<RepositoryId> repository = repositories.find(definition.repository());
      if (definition.retention().isPresent() && repository.isPresent()) {
        machines.add(machine(definition, definition.retention().get(), repository.get(), now));
      }
    }
    return new PrunePlan(machines);
  }

  private PrunePlan.Machine machine(
      JobDefinition definition,
      RetentionDefinition retention,
      RepositoryId repository,
      Instant now) {
    ZoneId zone =
        definition.schedule().map(ScheduleDefinition::zone).orElse(ZoneId.systemDefault());
    List<KeptPoints.Point> points = catalog.points(repository, definition.vmId());
    List<KeptPoints.Image> images = catalog.images(repository, definition.vmId());
    Map<BackupId, List<String>> kept =
        RetentionRules.kept(choice(points, images), retention, zone, now);
    for (KeptPoints.Point point : points) {
      point
          .immutableUntil()
          .filter(now::isBefore)
          .ifPresent(until -> kept.putIfAbsent(point.id(), List.of("immutable until " + until)));
    }
    Map<BackupId, BackupId> needed = needed(points, images, kept.keySet());
    Map<BackupId, Long> bytes = new HashMap<>();
    images.forEach(image -> bytes.merge(image.backup(), image.bytes(), Long::sum));
    return new PrunePlan.Machine(
        definition.vmName(),
        definition.repository(),
        retention,
        zone,
        points.stream()
            .map(point ->
                point(
                    point,
                    kept.getOrDefault(point.id(), List.of()),
                    Optional.ofNullable(needed.get(point.id())),
                    bytes.getOrDefault(point.id(), 0L)))
            .toList());
  }

  /** What no rule lets go of a VM in a repository, as it is now. */
  public Set<BackupId> alwaysKept(RepositoryId repository, VmId vm, Instant now) {
    return RetentionRules.alwaysKept(
        choice(catalog.points(repository, vm), catalog.images(repository, vm)), now);
  }

  private static List<RetentionRules.Point> choice(
      List<KeptPoints.Point> points, List<KeptPoints.Image> images) {
    Set<BackupId> unproven = unproven(images);
    return points.stream()
        .map(point ->
            new RetentionRules.Point(
                point.id(), point.takenAt(), point.pinned(), !unproven.contains(point.id())))
        .toList();
  }

  private static PrunePlan.Point point(
      KeptPoints.Point point, List<String> rules, Optional<BackupId> needer, long bytes) {
    if (!rules.isEmpty()) {
      return new PrunePlan.Point(point.id(), point.takenAt(), Action.KEEP, rules, bytes);
    }
    return needer.isPresent()
        ? new PrunePlan.Point(
            point.id(),
            point.takenAt(),
            Action.NEEDED,
            List.of(needer.get() + " stands on it"),
            bytes)
        : new PrunePlan.Point(point.id(), point.takenAt(), Action.DROP, List.of(), bytes);
  }

  /** Images of backups that are no restore points are nobody's to drop: they stay, too. */
  private static Map<BackupId, BackupId> needed(
      List<KeptPoints.Point> points, List<KeptPoints.Image> images, Set<BackupId> kept) {
    Set<BackupId> staying = new HashSet<>();
    images.forEach(image -> staying.add(image.backup()));
    points.forEach(point -> staying.remove(point.id()));
    staying.addAll(kept);
    return Needs.neededBy(
        images.stream()
            .map(image -> new Needs.Image(image.id(), image.backup(), image.base()))
            .toList(),
        staying);
  }

  /** Backups of which an image, or one that it stands on, has not been read and found right. */
  private static Set<BackupId> unproven(List<KeptPoints.Image> images) {
    Set<DiskBackupId> proven = new HashSet<>();
    Set<BackupId> unproven = new HashSet<>();
    for (KeptPoints.Image image : images) {
      if (image.proven() && image.base().stream().allMatch(proven::contains)) {
        proven.add(image.id());
      } else {
        unproven.add(image.backup());
      }
    }
    return unproven;
  }
}
