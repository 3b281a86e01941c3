package dev.backstep.repository;

import dev.backstep.blockio.DurableFiles;
import dev.backstep.blockio.ImmutableFlag;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Keeps the files of restore points from being changed or deleted, by whatever program, for as long
 * as they say.
 */
public final class Protection {

  private Protection() {}

  /**
   * Makes the files of a VM's restore points immutable that are to be so now, with all images that
   * they stand on, and no others. Done again it changes nothing. While a file of the repository
   * cannot be read, nothing is made changeable: that file may say that it must not be.
   *
   * @return how many files were changed
   * @throws IOException when a file's flag cannot be changed; those before it are
   */
  public static int apply(Repository repository, VmId vm, Instant now) throws IOException {
    Holdings holdings = Holdings.of(repository);
    List<RestorePoint> points =
        holdings.points().stream().filter(point -> point.vmId().equals(vm.value())).toList();
    if (points.stream().allMatch(point -> point.immutableUntil() == null)) {
      return 0;
    }
    List<RestorePoint> immutable = points.stream().filter(point -> point.isImmutable(now)).toList();
    HeldImages held = HeldImages.of(repository);
    boolean allRead = holdings.problems().isEmpty() && held.problems().isEmpty();
    Set<String> free =
        held.unneeded(immutable).stream()
            .map(DiskManifest::diskBackupId)
            .collect(Collectors.toSet());
    int changed = 0;
    for (DiskManifest manifest : held.manifests()) {
      if (manifest.vmId().equals(vm.value())) {
        DiskBackupId id = new DiskBackupId(manifest.diskBackupId());
        List<Path> files = repository.disk(vm, manifest.diskId()).files(id);
        boolean needed = !free.contains(manifest.diskBackupId());
        changed += needed || allRead ? set(files, needed) : 0;
      }
    }
    for (RestorePoint point : points) {
      Path file = repository.restorePointFile(vm, new BackupId(point.backupId()));
      changed += set(List.of(file), point.isImmutable(now));
    }
    return changed;
  }

  private static int set(List<Path> files, boolean immutable) throws IOException {
    List<Path> others = new ArrayList<>();
    for (Path file : files) {
      if (Files.exists(file) && ImmutableFlag.isSet(file) != immutable) {
        others.add(file);
      }
    }
    for (Path file : others) {
      ImmutableFlag.set(file, immutable);
    }
    return others.size();
  }

  /** Deletes a file that may go; an immutable one's flag is taken off first. Durable. */
  static void delete(Path file) throws IOException {
    try {
      DurableFiles.delete(file);
    } catch (IOException e) {
      if (!Files.exists(file) || !ImmutableFlag.isSet(file)) {
        throw e;
      }
      ImmutableFlag.set(file, false);
      DurableFiles.delete(file);
    }
  }
}
