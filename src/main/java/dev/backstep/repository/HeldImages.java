package dev.backstep.repository;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The published images of a repository by the word of their manifests, each with its whole chain.
 *
 * @param manifests in no order
 * @param problems images that are not whole, or whose manifest contradicts where it lies
 */
public record HeldImages(List<DiskManifest> manifests, List<String> problems) {

  private static final Pattern DISK_FOLDER = Pattern.compile("disk-(0|[1-9][0-9]{0,5})");

  public HeldImages {
    manifests = List.copyOf(manifests);
    problems = List.copyOf(problems);
  }

  /**
   * Reads every manifest and looks whether the images are there and as long as they should be; no
   * data is read. A manifest without its image counts as none.
   *
   * @throws IOException when a folder cannot be listed, or the repository is not there any more
   */
  public static HeldImages of(Repository repository) throws IOException {
    List<DiskManifest> manifests = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path vm : folders(repository.root().resolve("vms"))) {
      for (Path disk : folders(vm)) {
        Matcher number = DISK_FOLDER.matcher(disk.getFileName().toString());
        if (number.matches()) {
          new DiskScan(repository, vm, Integer.parseInt(number.group(1)), manifests, problems)
              .run(new DiskFolder(disk));
        }
      }
    }
    return new HeldImages(manifests, problems);
  }

  static boolean isDiskFolder(Path folder) {
    return DISK_FOLDER.matcher(folder.getFileName().toString()).matches();
  }

  /** Images that no restore point needs: links of a backup that became none, for instance. */
  public List<DiskManifest> unneeded(Collection<RestorePoint> points) {
    Map<String, DiskManifest> left = new LinkedHashMap<>();
    manifests.forEach(manifest -> left.put(manifest.diskBackupId(), manifest));
    for (RestorePoint point : points) {
      for (RestorePoint.Disk disk : point.disks()) {
        DiskManifest needed = left.remove(disk.diskBackupId());
        while (needed != null) {
          needed = needed.parentId().map(parent -> left.remove(parent.value())).orElse(null);
        }
      }
    }
    return List.copyOf(left.values());
  }

  private static List<Path> folders(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> children = Files.list(folder)) {
      return children.filter(Files::isDirectory).sorted().toList();
    }
  }

  private record DiskScan(
      Repository repository,
      Path vm,
      int diskId,
      List<DiskManifest> manifests,
      List<String> problems) {

    void run(DiskFolder folder) throws IOException {
      for (Path file : folder.manifestFiles()) {
        try {
          DiskManifest manifest = folder.current(Json.read(file, DiskManifest.class));
          check(file, manifest);
          if (!Files.exists(folder.image(new DiskBackupId(manifest.diskBackupId())))) {
            continue; // not published yet, or not any more: no image
          }
          folder.chain(new DiskBackupId(manifest.diskBackupId()));
          manifests.add(manifest);
        } catch (IOException e) {
          problems.add(repository.problem(file, e));
        } catch (IllegalArgumentException | DateTimeException e) {
          problems.add(file + ": " + e.getMessage());
        }
      }
    }

    private void check(Path file, DiskManifest manifest) throws RepositoryException {
      requireEqual(file, "format", manifest.format(), Repository.FORMAT);
      requireEqual(file, "disk_backup_id", manifest.diskBackupId() + ".json", file.getFileName());
      requireEqual(file, "vm_id", manifest.vmId(), vm.getFileName());
      requireEqual(file, "disk_id", manifest.diskId(), diskId);
      requireEqual(file, "repository_id", manifest.repositoryId(), repository.id());
      DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
      requireEqual(file, "image", manifest.image(), DiskFolder.imageName(id));
      new BackupId(manifest.backupId());
      new VmId(manifest.vmId());
      Instant.parse(manifest.completedAt());
      Instant.parse(manifest.snapshotTakenAt());
    }

    private static void requireEqual(Path file, String field, Object found, Object expected)
        throws RepositoryException {
      if (!String.valueOf(found).equals(String.valueOf(expected))) {
        throw new RepositoryException(
            RepositoryException.Kind.DAMAGED,
            file + ": " + field + " is " + found + ", expected " + expected);
      }
    }
  }
}
