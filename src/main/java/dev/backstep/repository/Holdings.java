package dev.backstep.repository;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a repository holds by the word of its own files, for when there is no catalog to ask.
 *
 * @param points newest first
 * @param problems restore points that cannot be read or contradict where they lie, a line each
 */
public record Holdings(List<RestorePoint> points, List<String> problems) {

  public Holdings {
    points = List.copyOf(points);
    problems = List.copyOf(problems);
  }

  /**
   * Reads every restore point's file; no image is looked at.
   *
   * @throws IOException when a folder cannot be listed, or the repository is not there any more
   */
  public static Holdings of(Repository repository) throws IOException {
    List<RestorePoint> points = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Path vm : children(repository.root().resolve("vms"))) {
      for (Path file : children(vm.resolve("restore-points"))) {
        if (file.toString().endsWith(".json")) {
          try {
            points.add(point(repository, vm, file));
          } catch (IOException e) {
            problems.add(repository.problem(file, e));
          }
        }
      }
    }
    points.sort(
        Comparator.comparing(RestorePoint::snapshotTakenAt)
            .thenComparing(RestorePoint::backupId)
            .reversed());
    return new Holdings(points, problems);
  }

  /** The restore point of a backup, or that a disk backup belongs to. */
  public Optional<RestorePoint> find(String id) {
    return points.stream()
        .filter(point ->
            point.backupId().equals(id)
                || point.disks().stream().anyMatch(disk -> disk.diskBackupId().equals(id)))
        .findFirst();
  }

  private static List<Path> children(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    List<Path> children = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      stream.forEach(children::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return children;
  }

  private static RestorePoint point(Repository repository, Path vm, Path file) throws IOException {
    RestorePoint point = Json.read(file, RestorePoint.class);
    requireEqual(file, "format", point.format(), Repository.FORMAT);
    requireEqual(file, "backup_id", point.backupId() + ".json", file.getFileName());
    requireEqual(file, "vm_id", point.vmId(), vm.getFileName());
    requireEqual(file, "repository_id", point.repositoryId(), repository.id());
    try {
      new BackupId(point.backupId());
      new VmId(point.vmId());
      if (point.immutableUntil() != null) {
        Instant.parse(point.immutableUntil());
      }
      Set<Integer> numbers = new HashSet<>();
      for (RestorePoint.Disk disk : point.disks()) {
        new DiskBackupId(disk.diskBackupId());
        if (disk.diskId() < 0 || disk.virtualSize() < 0 || !numbers.add(disk.diskId())) {
          throw new IllegalArgumentException(
              "disk " + disk.diskId() + " of " + disk.virtualSize() + " bytes, or twice");
        }
      }
    } catch (IllegalArgumentException | DateTimeException e) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED, file + ": " + e.getMessage(), e);
    }
    return point;
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
