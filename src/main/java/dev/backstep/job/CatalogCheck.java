package dev.backstep.job;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.catalog.CatalogContent;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.RepositoryId;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Compares what the catalog says a repository holds with what was found there. */
public final class CatalogCheck {

  /** Far longer than the time between the last rename of a publish and its commit. */
  private static final Duration SECOND_LOOK_AFTER = Duration.ofSeconds(1);

  private final CatalogContent catalog;

  public CatalogCheck(CatalogContent catalog) {
    this.catalog = catalog;
  }

  /**
   * Checks what belongs together in a repository, by its files and by the catalog. Backups, merges
   * and prunes go on meanwhile: what they were just doing is not there any more at a second look,
   * which is taken when the first one finds anything. Files of a backup that runs, or that is being
   * deleted, are nobody's fault however long that takes.
   *
   * @throws IOException when a folder cannot be listed
   * @throws InterruptedException never by this program
   */
  public RepositoryCheck.Result run(Repository repository)
      throws IOException, InterruptedException {
    RepositoryCheck.Result first = once(repository);
    if (first.problems().isEmpty()) {
      return first;
    }
    Thread.sleep(SECOND_LOOK_AFTER);
    RepositoryCheck.Result second = once(repository);
    Set<CheckFinding> before = new HashSet<>(first.problems());
    return with(second, second.problems().stream().filter(before::contains).toList());
  }

  private RepositoryCheck.Result once(Repository repository) throws IOException {
    RepositoryCheck.Result found = new RepositoryCheck(repository).relations();
    List<CheckFinding> problems = new ArrayList<>(found.problems());
    problems.addAll(compare(repository.id(), found));
    return with(found, problems);
  }

  private static RepositoryCheck.Result with(
      RepositoryCheck.Result found, List<CheckFinding> problems) {
    return new RepositoryCheck.Result(
        found.points(), found.images(), found.unneeded(), found.strays(), problems);
  }

  private List<CheckFinding> compare(RepositoryId repository, RepositoryCheck.Result found) {
    List<CheckFinding> problems = new ArrayList<>();
    Map<String, DiskManifest> manifests =
        found.images().stream()
            .collect(Collectors.toMap(DiskManifest::diskBackupId, Function.identity()));
    List<CatalogContent.Image> images = catalog.images(repository);
    for (CatalogContent.Image image : images) {
      compare(image, Optional.ofNullable(manifests.get(image.id().value())), problems);
    }
    Set<String> known =
        images.stream().map(image -> image.id().value()).collect(Collectors.toSet());
    Set<String> atWork = catalog.atWork(repository);
    manifests.keySet().stream()
        .filter(id -> !known.contains(id) && !atWork.contains(id))
        .sorted()
        .forEach(id -> add(problems, id, "an image that the catalog does not call completed"));
    points(repository, found.points(), atWork, problems);
    return problems;
  }

  private static void compare(
      CatalogContent.Image image, Optional<DiskManifest> found, List<CheckFinding> problems) {
    String id = image.id().value();
    if (found.isEmpty()) {
      add(problems, id, "completed in the catalog, and not in the repository, or not whole");
      return;
    }
    DiskManifest manifest = found.get();
    same(
        problems,
        id,
        "change id",
        image.changeId().map(Object::toString),
        Optional.ofNullable(manifest.changeId()));
    same(
        problems,
        id,
        "backing image",
        image.base().map(Object::toString),
        manifest.parentId().map(Object::toString));
    same(
        problems,
        id,
        "size",
        Optional.of("" + image.virtualSize()),
        Optional.of("" + manifest.virtualSize()));
    same(
        problems,
        id,
        "disk",
        Optional.of("" + image.diskId()),
        Optional.of("" + manifest.diskId()));
  }

  private static void same(
      List<CheckFinding> problems,
      String id,
      String what,
      Optional<String> catalog,
      Optional<String> manifest) {
    if (!catalog.equals(manifest)) {
      add(
          problems,
          id,
          what
              + " "
              + catalog.orElse("none")
              + " in the catalog, "
              + manifest.orElse("none")
              + " in the manifest");
    }
  }

  private void points(
      RepositoryId repository,
      List<RestorePoint> points,
      Set<String> atWork,
      List<CheckFinding> problems) {
    Set<String> held = points.stream().map(RestorePoint::backupId).collect(Collectors.toSet());
    Set<String> known =
        catalog.points(repository).stream().map(BackupId::value).collect(Collectors.toSet());
    known.stream()
        .filter(id -> !held.contains(id))
        .sorted()
        .forEach(
            id -> add(problems, id, "a restore point in the catalog, and not in the repository"));
    held.stream()
        .filter(id -> !known.contains(id) && !atWork.contains(id))
        .sorted()
        .forEach(id ->
            add(
                problems,
                id,
                "a restore point that the catalog does not know; `backstep repository import`"
                    + " takes it over"));
  }

  private static void add(List<CheckFinding> problems, String subject, String text) {
    problems.add(CheckFinding.problem(CheckFinding.Kind.CATALOG, subject, text));
  }
}
