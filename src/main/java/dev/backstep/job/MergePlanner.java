package dev.backstep.job;

import dev.backstep.backup.Rebase;
import dev.backstep.catalog.Merges;
import dev.backstep.catalog.Repositories;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Says what there is to merge. Changes nothing. Thread-safe. */
public final class MergePlanner {

  private final PrunePlanner retention;
  private final Merges catalog;
  private final Repositories repositories;

  public MergePlanner(PrunePlanner retention, Merges catalog, Repositories repositories) {
    this.retention = retention;
    this.catalog = catalog;
    this.repositories = repositories;
  }

  /** See {@link MergeJobs#plan}. */
  public MergeWork plan(List<JobDefinition> definitions, boolean consolidate, Instant now) {
    List<BackupId> going = new ArrayList<>();
    List<DiskBackupId> roots = new ArrayList<>();
    for (JobDefinition definition : definitions) {
      Optional<RepositoryId> repository = repositories.find(definition.repository());
      if (repository.isPresent()) {
        List<Merges.Image> images = catalog.images(repository.get(), definition.vmId());
        Set<BackupId> gone = going(needed(definition, now), images);
        going.addAll(gone);
        roots.addAll(roots(images, gone, consolidate ? 2 : definition.chainLimit()));
      }
    }
    return new MergeWork(going, roots);
  }

  /** Newest first. */
  private List<BackupId> needed(JobDefinition definition, Instant now) {
    return retention.plan(List.of(definition), now).machines().stream()
        .flatMap(machine -> machine.points().stream())
        .filter(point -> point.action() == PrunePlan.Action.NEEDED)
        .map(PrunePlan.Point::id)
        .toList();
  }

  /** Without those that damaged images stand on: those cannot be written anew. */
  private static Set<BackupId> going(List<BackupId> needed, List<Merges.Image> images) {
    Set<BackupId> going = new LinkedHashSet<>(needed);
    Map<DiskBackupId, Merges.Image> byId =
        images.stream().collect(Collectors.toMap(Merges.Image::id, image -> image));
    for (Merges.Image image : images) {
      if (image.damaged()) {
        Optional<Merges.Image> below = Optional.of(image);
        while (below.isPresent()) {
          going.remove(below.get().backup());
          below = below.get().base().map(byId::get);
        }
      }
    }
    return going;
  }

  /** The newest image of each disk of the newest backup, where its chain is that long. */
  private static List<DiskBackupId> roots(
      List<Merges.Image> images, Set<BackupId> going, int lengthMin) {
    Map<DiskBackupId, Integer> lengths = new HashMap<>();
    Map<Integer, Merges.Image> newest = new LinkedHashMap<>();
    for (Merges.Image image : images) {
      int below = image.base().map(base -> lengths.getOrDefault(base, 0)).orElse(0);
      lengths.put(image.id(), below + (going.contains(image.backup()) ? 0 : 1));
      newest.put(image.diskId(), image);
    }
    Set<DiskBackupId> standing = new HashSet<>();
    images.forEach(image -> image.base().ifPresent(standing::add));
    return newest.values().stream()
        .filter(image ->
            image.base().isPresent()
                && !image.damaged()
                && !standing.contains(image.id())
                && lengths.getOrDefault(image.id(), 0) >= lengthMin)
        .map(Merges.Image::id)
        .toList();
  }

  /** The images as {@link Rebase} wants them. */
  public static List<Rebase.Image> links(List<Merges.Image> images) {
    return images.stream()
        .map(image -> new Rebase.Image(image.id(), image.backup(), image.base()))
        .toList();
  }
}
