package dev.backstep.backup;

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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Checks the structure of a whole repository by its own files: restore points against manifests,
 * manifests against images, chains, and what lies about beside them. Goes on after each finding.
 * Reads tables, no data: that is a verification's. For one thread.
 */
public final class RepositoryCheck {

  private final Repository repository;
  private final Progress progress;
  private final List<Problem> problems = new ArrayList<>();

  /**
   * @param progress told after each image
   */
  public RepositoryCheck(Repository repository, Progress progress) {
    this.repository = repository;
    this.progress = progress;
  }

  /** Is told how far a check is. */
  @FunctionalInterface
  public interface Progress {
    void checked(int images, int of);
  }

  /** What a finding is about. */
  public enum About {
    RESTORE_POINT,
    IMAGE,
    CATALOG
  }

  /**
   * Something that is not as it must be.
   *
   * @param subject the id or file that it is found at
   */
  public record Problem(About about, String subject, String text) {}

  /**
   * What was found.
   *
   * @param points those that can be read, newest first
   * @param images those that are whole with their chain
   * @param unneeded of these, those that no restore point needs
   */
  public record Result(
      List<RestorePoint> points,
      List<DiskManifest> images,
      List<DiskManifest> unneeded,
      List<Stray> strays,
      List<Problem> problems) {

    public Result {
      points = List.copyOf(points);
      images = List.copyOf(images);
      unneeded = List.copyOf(unneeded);
      strays = List.copyOf(strays);
      problems = List.copyOf(problems);
    }
  }

  /**
   * @throws IOException when a folder cannot be listed
   */
  public Result run() throws IOException {
    List<Stray> strays = Strays.of(repository);
    Holdings holdings = Holdings.of(repository);
    HeldImages held = HeldImages.of(repository);
    holdings.problems().forEach(text -> add(About.RESTORE_POINT, text));
    held.problems().forEach(text -> add(About.IMAGE, text));
    int done = 0;
    for (DiskManifest manifest : held.manifests()) {
      image(manifest);
      done++;
      progress.checked(done, held.manifests().size());
    }
    Map<String, DiskManifest> whole = new HashMap<>();
    held.manifests().forEach(manifest -> whole.put(manifest.diskBackupId(), manifest));
    holdings.points().forEach(point -> point(point, whole));
    return new Result(
        holdings.points(), held.manifests(), held.unneeded(holdings.points()), strays, problems);
  }

  /** The lines of these two begin with the file that they are about. */
  private void add(About about, String line) {
    int end = line.indexOf(": ");
    problems.add(
        end < 0
            ? new Problem(about, repository.root().toString(), line)
            : new Problem(about, line.substring(0, end), line.substring(end + 2)));
  }

  private void image(DiskManifest manifest) throws IOException {
    DiskFolder folder = repository.disk(new VmId(manifest.vmId()), manifest.diskId());
    DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
    try (ImageCheck check = new ImageCheck(folder, id)) {
      for (Damage damage : check.structure()) {
        problems.add(new Problem(About.IMAGE, folder.image(id).toString(), text(damage)));
      }
    }
  }

  private static String text(Damage damage) {
    return damage.range().map(range -> "at byte " + range.offset() + ": ").orElse("")
        + damage.found()
        + ", expected "
        + damage.expected();
  }

  private void point(RestorePoint point, Map<String, DiskManifest> whole) {
    for (RestorePoint.Disk disk : point.disks()) {
      DiskManifest manifest = whole.get(disk.diskBackupId());
      if (manifest == null) {
        pointProblem(point, disk, "is not in the repository, or not whole");
      } else if (!disk.fits(manifest)) {
        pointProblem(point, disk, "has another manifest than when it was sealed");
      } else if (manifest.diskId() != disk.diskId()
          || !manifest.diskKey().equals(disk.diskKey())
          || !manifest.vmId().equals(point.vmId())
          || manifest.virtualSize() != disk.virtualSize()) {
        pointProblem(
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

  private void pointProblem(RestorePoint point, RestorePoint.Disk disk, String text) {
    problems.add(
        new Problem(
            About.RESTORE_POINT,
            point.backupId(),
            "disk " + disk.diskId() + ": " + disk.diskBackupId() + " " + text));
  }
}
