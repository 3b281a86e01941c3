package dev.backstep.backup;

import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.CheckFinding.Kind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.HeldImages;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import dev.backstep.repository.Stray;
import dev.backstep.repository.Strays;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Checks the structure of a whole repository by its own files: restore points against manifests,
 * manifests against images, chains, and what lies about beside them. Goes on after each finding.
 * Reads tables, no data: that is a verification's. Safe for use by several threads.
 */
public final class RepositoryCheck {

  private final Repository repository;

  public RepositoryCheck(Repository repository) {
    this.repository = repository;
  }

  /** Is told how far a check is. */
  @FunctionalInterface
  public interface Progress {
    void checked(int images, int of);
  }

  /**
   * What was found.
   *
   * @param points those that can be read, newest first
   * @param images those that are whole with their chain
   * @param unneeded of these, those that no restore point needs
   * @param problems what is not as it must be
   */
  public record Result(
      List<RestorePoint> points,
      List<DiskManifest> images,
      List<DiskManifest> unneeded,
      List<Stray> strays,
      List<CheckFinding> problems) {

    public Result {
      points = List.copyOf(points);
      images = List.copyOf(images);
      unneeded = List.copyOf(unneeded);
      strays = List.copyOf(strays);
      problems = List.copyOf(problems);
    }
  }

  /**
   * Checks all of it.
   *
   * @param progress told after each image
   * @throws IOException when a folder cannot be listed
   */
  public Result run(Progress progress) throws IOException {
    List<Stray> strays = Strays.of(repository);
    Holdings holdings = Holdings.of(repository);
    HeldImages held = HeldImages.of(repository);
    List<CheckFinding> problems = new ArrayList<>();
    int done = 0;
    for (DiskManifest manifest : held.manifests()) {
      problems.addAll(structure(manifest));
      done++;
      progress.checked(done, held.manifests().size());
    }
    return result(strays, holdings, held, problems);
  }

  /**
   * The images whose {@link #structure} is to be checked, by id.
   *
   * @throws IOException when a folder cannot be listed
   */
  public List<DiskManifest> images() throws IOException {
    return HeldImages.of(repository).manifests().stream()
        .sorted(Comparator.comparing(DiskManifest::diskBackupId))
        .toList();
  }

  /**
   * All but the structure of images: what belongs together and what lies about, as it is now.
   *
   * @throws IOException when a folder cannot be listed
   */
  public Result relations() throws IOException {
    List<Stray> strays = Strays.of(repository);
    Holdings holdings = Holdings.of(repository);
    return result(strays, holdings, HeldImages.of(repository), List.of());
  }

  private Result result(
      List<Stray> strays, Holdings holdings, HeldImages held, List<CheckFinding> ofImages) {
    List<CheckFinding> problems = new ArrayList<>();
    holdings.problems().forEach(line -> problems.add(problem(Kind.RESTORE_POINT, line)));
    held.problems().forEach(line -> problems.add(problem(Kind.IMAGE, line)));
    problems.addAll(ofImages);
    Map<String, DiskManifest> whole = new HashMap<>();
    held.manifests().forEach(manifest -> whole.put(manifest.diskBackupId(), manifest));
    holdings.points().forEach(point -> point(point, whole, problems));
    return new Result(
        holdings.points(), held.manifests(), held.unneeded(holdings.points()), strays, problems);
  }

  /** The lines of these two begin with the file that they are about. */
  private CheckFinding problem(Kind kind, String line) {
    int end = line.indexOf(": ");
    return end < 0
        ? CheckFinding.problem(kind, repository.root().toString(), line)
        : CheckFinding.problem(kind, line.substring(0, end), line.substring(end + 2));
  }

  /**
   * What is wrong with one image; nothing when it was deleted meanwhile.
   *
   * @throws IOException when its file cannot be closed
   */
  public List<CheckFinding> structure(DiskManifest manifest) throws IOException {
    DiskFolder folder = repository.disk(new VmId(manifest.vmId()), manifest.diskId());
    DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
    String image = folder.image(id).toString();
    try (ImageCheck check = new ImageCheck(folder, id)) {
      List<String> found =
          Stream.concat(
                  check.structure().stream().map(RepositoryCheck::text), check.newer().stream())
              .toList();
      return Files.exists(folder.image(id))
          ? found.stream().map(text -> CheckFinding.problem(Kind.IMAGE, image, text)).toList()
          : List.of();
    }
  }

  private static String text(Damage damage) {
    return damage.range().map(range -> "at byte " + range.offset() + ": ").orElse("")
        + damage.found()
        + ", expected "
        + damage.expected();
  }

  private static void point(
      RestorePoint point, Map<String, DiskManifest> whole, List<CheckFinding> problems) {
    for (RestorePoint.Disk disk : point.disks()) {
      DiskManifest manifest = whole.get(disk.diskBackupId());
      if (manifest == null) {
        add(problems, point, disk, "is not in the repository, or not whole");
      } else if (!disk.fits(manifest)) {
        add(problems, point, disk, "has another manifest than when it was sealed");
      } else if (manifest.diskId() != disk.diskId()
          || !manifest.diskKey().equals(disk.diskKey())
          || !manifest.vmId().equals(point.vmId())
          || manifest.virtualSize() != disk.virtualSize()) {
        add(
            problems,
            point,
            disk,
            "is disk "
                + manifest.diskId()
                + " '"
                + manifest.diskKey()
                + "' of "
                + manifest.vmId()
                + " with "
                + manifest.virtualSize()
                + " bytes, expected '"
                + disk.diskKey()
                + "' of "
                + point.vmId()
                + " with "
                + disk.virtualSize());
      }
    }
  }

  private static void add(
      List<CheckFinding> problems, RestorePoint point, RestorePoint.Disk disk, String text) {
    problems.add(
        CheckFinding.problem(
            Kind.RESTORE_POINT,
            point.backupId(),
            "disk " + disk.diskId() + ": " + disk.diskBackupId() + " " + text));
  }
}
