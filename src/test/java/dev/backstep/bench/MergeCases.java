package dev.backstep.bench;

import dev.backstep.backup.ImageMerge;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * Chains that become shorter. Ours writes a new image, checks it and switches to it; what it is
 * measured beside writes into the base, or leaves a file beside the chain.
 */
final class MergeCases extends BenchCase {

  MergeCases(TestBed bed) {
    super(bed);
  }

  /** The oldest overlay and its base, where blocks can be shared and where they cannot. */
  void merge(Path raw) throws Exception {
    Path device = folder.resolve("blocks.xfs");
    Path mounted = Files.createDirectory(folder.resolve("blocks"));
    Tool.run("truncate", "-s", 4L * mib + 1024 + "M", device);
    Tool.run("mkfs.xfs", "-q", device);
    Tool.run("mount", "-o", "loop", device, mounted);
    try {
      merge(raw, mounted, "merge of an overlay of 1%, blocks shared (XFS)", 1.50);
    } finally {
      Tool.run("umount", "--lazy", mounted); // this process keeps the repository's lock
      remove(mounted);
      remove(device);
    }
    Path plain = Files.createDirectory(folder.resolve("plain"));
    merge(raw, plain, "merge of an overlay of 1%, all read and written", Double.POSITIVE_INFINITY);
    remove(plain);
  }

  private void merge(Path raw, Path where, String name, double goal) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    Path repository = where.resolve("repository");
    backUp(definition("merge", images(live), repository, RequestedLevel.AUTO, 0, 2));
    new Inputs(folder).change(live, mib, 640, 64 << 10, 256 << 10);
    BackupRow newest =
        backUp(definition("merge", images(live), repository, RequestedLevel.AUTO, 0, 2));
    BackupDiskRow disk = newest.disks().getFirst();
    Path base = image(newest, 0).resolveSibling(disk.baseId().orElseThrow() + ".qcow2");
    Path saved = where.resolve("saved");
    Path peer = where.resolve("peer");
    Tool.run("cp", "-a", "--reflink=auto", repository, saved);
    Tool.run("cp", "-a", "--reflink=auto", base.getParent(), peer);
    rows.add(
        measure.compare(
            name,
            "`qemu-img commit -t writeback`, in place",
            goal,
            () -> Measure.inProcess(() -> rebase(repository, newest, Optional.empty(), true)),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img commit -q -t writeback -f qcow2 "
                        + peer.resolve(image(newest, 0).getFileName())),
            () -> {
              Tool.checkImage(image(newest, 0));
              Tool.compare(image(newest, 0), "qcow2", live, "qcow2");
              Tool.compare(peer.resolve(base.getFileName()), "qcow2", live, "qcow2");
              remove(repository);
              remove(peer);
              Tool.run("cp", "-a", "--reflink=auto", saved, repository);
              Tool.run("cp", "-a", "--reflink=auto", base.getParent(), peer);
              Tool.run("sync", "-f", where);
            }));
    remove(repository);
    remove(saved);
    remove(peer);
    remove(live);
  }

  /** The newest of a chain becomes a full image. */
  void consolidate(Path raw) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    BackupRow newest = chain("consolidate", 640, live);
    Path repository = Path.of(newest.repositoryPath());
    DiskFolder images = images(repository, newest);
    DiskBackupId id = newest.disks().getFirst().id();
    Path peer = folder.resolve("peer.qcow2");
    rows.add(
        measure.compare(
            "consolidating a chain of " + newest.disks().getFirst().chainLength(),
            "`qemu-img convert -t none` of its top",
            1.00,
            () -> Measure.inProcess(() -> rebase(repository, newest, Optional.empty(), false)),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img convert -t none -f qcow2 -O qcow2 " + image(newest, 0) + " " + peer),
            () -> {
              Tool.checkImage(images.merging(id));
              Tool.compare(images.merging(id), "qcow2", live, "qcow2");
              Tool.compare(peer, "qcow2", live, "qcow2");
              remove(images.merging(id));
              remove(images.mergingChecksums(id));
              remove(peer);
            }));
    remove(repository);
    remove(live);
  }

  private static DiskFolder images(Path repository, BackupRow backup) throws Exception {
    return Repository.open(repository).disk(backup.vmId(), 0);
  }

  private static void rebase(
      Path repository, BackupRow backup, Optional<DiskBackupId> base, boolean replace)
      throws Exception {
    DiskFolder images = images(repository, backup);
    DiskBackupId id = backup.disks().getFirst().id();
    ImageMerge.Request request = new ImageMerge.Request(images, id, base, Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.put()) {}
      DiskManifest.Replacement next = merge.finish(Instant.now());
      if (replace) {
        images.replace(id, next);
      }
    }
  }
}
