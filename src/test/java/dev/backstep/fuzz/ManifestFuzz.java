package dev.backstep.fuzz;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.HeldImages;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import dev.backstep.testing.TemporaryHome;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The JSON files of a repository: the first byte says which one the others are the content of, a
 * manifest, a restore point or the repository's own.
 */
public final class ManifestFuzz {

  private static final Path ROOT = TemporaryHome.make();
  private static final VmId VM = new VmId("vm");
  private static final DiskBackupId DISK = new DiskBackupId("disk");
  private static final byte[] HEAD =
      "{\"format\":1,\"id\":\"0123456789abcdef\"}".getBytes(StandardCharsets.US_ASCII);

  private ManifestFuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    if (input.length == 0) {
      return;
    }
    Path head = ROOT.resolve("repository.json");
    Path disk = Files.createDirectories(ROOT.resolve("vms/vm/disk-0"));
    Path points = Files.createDirectories(ROOT.resolve("vms/vm/restore-points"));
    Path image = disk.resolve("disk.qcow2");
    Files.write(head, HEAD);
    Files.write(image, new byte[] {1});
    byte[] json = java.util.Arrays.copyOfRange(input, 1, input.length);
    Path file =
        switch (input[0] % 3) {
          case 0 -> disk.resolve("disk.json");
          case 1 -> points.resolve("point.json");
          default -> head;
        };
    Files.write(file, json);
    try {
      look();
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static void look() throws IOException {
    Repository repository;
    try {
      repository = Repository.open(ROOT);
    } catch (IOException e) {
      return; // refused
    }
    for (RestorePoint point : Holdings.of(repository).points()) {
      for (RestorePoint.Disk disk : point.disks()) {
        inside(repository.disk(new VmId(point.vmId()), disk.diskId()).path());
        inside(
            repository
                .disk(new VmId(point.vmId()), disk.diskId())
                .image(new DiskBackupId(disk.diskBackupId())));
      }
    }
    for (DiskManifest manifest : HeldImages.of(repository).manifests()) {
      DiskFolder folder = repository.disk(VM, 0);
      inside(folder.path().resolve(manifest.image()));
      manifest.parentId().ifPresent(parent -> inside(folder.image(parent)));
    }
    try {
      repository.disk(VM, 0).chain(DISK);
      repository.disk(VM, 0).standingOn(DISK);
    } catch (IOException e) {
      return; // refused
    }
  }

  private static void inside(Path file) {
    if (!file.normalize().startsWith(ROOT)) {
      throw new AssertionError("left the repository: " + file);
    }
  }
}
