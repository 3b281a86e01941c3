package dev.backstep.backup;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RepositoryException;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Finds a manifest that was exchanged or edited since its restore point was sealed. */
public final class SealedManifest {

  private SealedManifest() {}

  /**
   * What the restore point's file of a backup says against the manifest of one of its images;
   * nothing where there is no such file, as for links that no restore point lists, or no manifest,
   * which the image's own check tells.
   *
   * @param root the repository's folder
   */
  public static List<Damage> check(Path root, VmId vm, BackupId backup, DiskBackupId image) {
    try {
      Repository repository = Repository.open(root);
      RestorePoint point = repository.restorePoint(vm, backup);
      for (RestorePoint.Disk disk : point.disks()) {
        Optional<DiskManifest> manifest = repository.disk(vm, disk.diskId()).manifest(image);
        if (disk.diskBackupId().equals(image.value())
            && manifest.isPresent()
            && !disk.fits(manifest.get())) {
          return List.of(
              new Damage(
                  Damage.Kind.MANIFEST,
                  Optional.empty(),
                  "manifest with digest " + manifest.get().identitySha256(),
                  disk.manifestSha256() + ", as the restore point was sealed with"));
        }
      }
      return List.of();
    } catch (RepositoryException e) {
      return e.kind() == RepositoryException.Kind.MISSING
          ? List.of()
          : List.of(Damage.of(Damage.Kind.MANIFEST, e));
    } catch (IOException e) {
      return List.of(Damage.unreadable(e));
    }
  }
}
