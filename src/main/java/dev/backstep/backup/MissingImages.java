package dev.backstep.backup;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Finds which images another repository needs before it can have a restore point. */
public final class MissingImages {

  private MissingImages() {}

  /**
   * The images of a restore point that another repository does not hold with all they stand on;
   * each comes behind the one that it stands on. An image's id stands for what it shows, so one
   * that is there serves, whatever it stands on there.
   *
   * @throws IOException when one is not whole in the repository that it is taken from
   */
  public static List<DiskManifest> of(Repository from, RestorePoint point, Repository to)
      throws IOException {
    List<DiskManifest> missing = new ArrayList<>();
    VmId vm = new VmId(point.vmId());
    for (RestorePoint.Disk disk : point.disks()) {
      DiskFolder there = to.disk(vm, disk.diskId());
      List<DiskManifest> ofDisk = new ArrayList<>();
      for (DiskManifest image :
          from.disk(vm, disk.diskId()).chain(new DiskBackupId(disk.diskBackupId()))) {
        if (isWhole(there, new DiskBackupId(image.diskBackupId()))) {
          break;
        }
        ofDisk.add(image);
      }
      missing.addAll(ofDisk.reversed());
    }
    return missing;
  }

  private static boolean isWhole(DiskFolder folder, DiskBackupId id) {
    try {
      folder.chain(id);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
