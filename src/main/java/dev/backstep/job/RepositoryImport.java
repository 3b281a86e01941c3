package dev.backstep.job;

import dev.backstep.catalog.ImportedImage;
import dev.backstep.catalog.Imports;
import dev.backstep.catalog.Machines;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.Transactions;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.Reason;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.HeldImages;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * Rebuilds the catalog from a repository's files: restore points, and disk backups of which none
 * came, with their change ids, so that the next backup of each VM is incremental. What the catalog
 * knows already stays as it is. Thread-safe.
 */
@Component
public class RepositoryImport {

  private final Transactions transactions;
  private final Imports imports;
  private final Machines machines;
  private final Repositories repositories;

  RepositoryImport(
      PlatformTransactionManager manager,
      Imports imports,
      Machines machines,
      Repositories repositories) {
    this.transactions = new Transactions(manager);
    this.imports = imports;
    this.machines = machines;
    this.repositories = repositories;
  }

  /**
   * What came of it.
   *
   * @param restorePoints added
   * @param images added, those of restore points among them
   * @param known backups that the catalog had already
   * @param problems what is in the repository and could not be taken over, a line each
   */
  public record Result(int restorePoints, int images, int known, List<String> problems) {

    public Result {
      problems = List.copyOf(problems);
    }
  }

  /**
   * Each VM is taken over whole or not at all.
   *
   * @throws IOException when the folder is no repository or cannot be read
   */
  public Result run(Path folder) throws IOException {
    Repository repository = Repository.open(folder);
    Holdings points = Holdings.of(repository);
    HeldImages images = HeldImages.of(repository);
    repositories.register(repository.id(), repository.root().toString());
    List<String> problems = new ArrayList<>(points.problems());
    problems.addAll(images.problems());
    int[] counts = new int[3];
    Map<String, List<DiskManifest>> byVm =
        images.manifests().stream()
            .collect(Collectors.groupingBy(DiskManifest::vmId, TreeMap::new, Collectors.toList()));
    byVm.forEach((vm, manifests) -> {
      try {
        int[] added =
            transactions.in(() -> machine(repository, new VmId(vm), manifests, points, problems));
        for (int i = 0; i < counts.length; i++) {
          counts[i] += added[i];
        }
      } catch (VmBusyException | IllegalStateException | IllegalArgumentException e) {
        problems.add("VM " + vm + " is left out: " + e.getMessage());
      }
    });
    return new Result(counts[0], counts[1], counts[2], problems);
  }

  private int[] machine(
      Repository repository,
      VmId vm,
      List<DiskManifest> manifests,
      Holdings points,
      List<String> problems) {
    DiskManifest newest =
        manifests.stream()
            .max(Comparator.comparing(manifest -> Instant.parse(manifest.completedAt())))
            .orElseThrow();
    machines.register(vm, newest.vmName());
    imports.lock(vm);
    Map<String, RestorePoint> sealed =
        points.points().stream()
            .filter(point -> point.vmId().equals(vm.value()))
            .collect(Collectors.toMap(RestorePoint::backupId, point -> point));
    Map<String, List<DiskManifest>> byBackup =
        manifests.stream()
            .collect(
                Collectors.groupingBy(DiskManifest::backupId, TreeMap::new, Collectors.toList()));
    int[] added = new int[3];
    Set<Integer> disks = new TreeSet<>();
    byBackup.forEach((id, disksOf) -> {
      if (imports.knows(id)) {
        added[2]++;
        return;
      }
      Optional<RestorePoint> point = whole(Optional.ofNullable(sealed.get(id)), disksOf, problems);
      for (DiskManifest disk : disksOf) {
        imports.disk(vm, disk.diskId(), new DiskKey(disk.diskKey()));
        disks.add(disk.diskId());
      }
      imports.insert(
          new Imports.Backup(
              new BackupId(id),
              vm,
              repository.id(),
              definition(Optional.ofNullable(sealed.get(id))),
              Instant.parse(disksOf.getFirst().snapshotTakenAt()),
              point.map(found -> Instant.parse(found.completedAt())),
              point.flatMap(RestorePoint::immutability)),
          disksOf.stream().map(RepositoryImport::image).toList());
      added[0] += point.isPresent() ? 1 : 0;
      added[1] += disksOf.size();
    });
    for (int disk : disks) {
      imports.number(repository.id(), vm, disk);
    }
    return added;
  }

  private static String definition(Optional<RestorePoint> point) {
    return point.map(found -> found.vmDefinition().getOrDefault("job-definition", "")).orElse("");
  }

  /** The restore point, when every disk of it is there. */
  private static Optional<RestorePoint> whole(
      Optional<RestorePoint> point, List<DiskManifest> disks, List<String> problems) {
    Set<String> held = disks.stream().map(DiskManifest::diskBackupId).collect(Collectors.toSet());
    List<String> missing =
        point.stream()
            .flatMap(found -> found.disks().stream())
            .map(RestorePoint.Disk::diskBackupId)
            .filter(disk -> !held.contains(disk))
            .toList();
    if (missing.isEmpty()) {
      return point;
    }
    problems.add(
        disks.getFirst().backupId()
            + " is no restore point any more: "
            + missing
            + " is not whole");
    return Optional.empty();
  }

  private static ImportedImage image(DiskManifest manifest) {
    return new ImportedImage(
        new DiskBackupId(manifest.diskBackupId()),
        new BackupId(manifest.backupId()),
        manifest.diskId(),
        new DiskKey(manifest.diskKey()),
        manifest.backupLevel(),
        Reason.valueOf(manifest.reason()),
        manifest.cause() == null ? "" : manifest.cause(),
        Optional.ofNullable(manifest.changeId()).map(ChangeId::new),
        Optional.ofNullable(manifest.previousChangeId()).map(ChangeId::new),
        manifest.parentId(),
        manifest.chainLength(),
        manifest.virtualSize(),
        manifest.dataBytes(),
        manifest.imageBytes(),
        manifest.image(),
        Instant.parse(manifest.snapshotTakenAt()),
        Instant.parse(manifest.completedAt()),
        manifest.kindOfChecksums());
  }
}
