package dev.backstep.repository;

import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A folder tree of images and their manifests; {@code docs/format.md} describes every file.
 * Immutable, thread-safe.
 */
public final class Repository {

  /** The format of manifests and restore points, and of a repository that holds nothing newer. */
  public static final int FORMAT = 1;

  /** The highest format of a repository that this release reads and writes. */
  public static final int FORMAT_MAX = 2;

  private static final String HEAD = "repository.json";

  private final Path root;
  private final RepositoryId id;
  private final int format;

  private Repository(Path root, RepositoryId id, int format) {
    this.root = root;
    this.id = id;
    this.format = format;
  }

  /** The content of {@code repository.json}. */
  private record Head(int format, String id) {}

  /**
   * Opens a repository; reads nothing but {@code repository.json}.
   *
   * @throws RepositoryException when it is none, was written by a newer release, or is damaged
   */
  public static Repository open(Path folder) throws IOException {
    Path root = folder.toAbsolutePath().normalize();
    Path file = root.resolve(HEAD);
    if (!Files.exists(file)) {
      throw new RepositoryException(
          RepositoryException.Kind.NOT_A_REPOSITORY,
          root + ": no " + HEAD + " in it, so it is not a repository; name another folder");
    }
    Head head = Json.read(file, Head.class);
    if (head.format() > FORMAT_MAX) {
      throw new RepositoryException(
          RepositoryException.Kind.NEWER_FORMAT,
          file
              + ": format "
              + head.format()
              + ", this release knows "
              + FORMAT_MAX
              + "; use the release that wrote it, or a newer one");
    }
    if (head.format() < 1) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED, file + ": format " + head.format() + ", expected 1");
    }
    try {
      return new Repository(root, new RepositoryId(head.id()), head.format());
    } catch (IllegalArgumentException | NullPointerException e) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED, file + ": no valid id: " + head.id(), e);
    }
  }

  /**
   * Opens the repository of this id.
   *
   * @param why what is looked for in it, for the message: {@code in which X was begun}
   * @throws RepositoryException as {@link #open(Path)}
   * @throws IOException when another repository is in its place
   */
  public static Repository open(Path folder, RepositoryId expected, String why) throws IOException {
    Repository repository = open(folder);
    if (!repository.id.equals(expected)) {
      throw new IOException(
          repository.root
              + " is repository "
              + repository.id
              + ", expected "
              + expected
              + ", "
              + why
              + "; put that one back");
    }
    return repository;
  }

  /**
   * What is wrong with one file of this repository that could not be read: the others are read all
   * the same.
   *
   * @throws IOException when this repository is not there any more, which is nothing that is wrong
   *     with a file
   */
  String problem(Path file, IOException failure) throws IOException {
    if (failure instanceof RepositoryException told) {
      return String.valueOf(told.getMessage());
    }
    try {
      open(root, id, "which " + file + " is in");
    } catch (IOException e) {
      e.addSuppressed(failure);
      throw e;
    }
    return file + ": cannot be read (" + failure.getMessage() + "); look at the file system";
  }

  /**
   * Opens a repository, making it first when the folder is absent or empty. An interrupted making
   * leaves no repository, so it can simply be called again; of several at the same time one makes
   * it and all open the same.
   *
   * @throws RepositoryException as {@link #open(Path)}, or {@code NOT_WRITABLE}, or {@code
   *     NOT_A_REPOSITORY} when the folder holds other things
   */
  public static Repository openOrCreate(Path folder) throws IOException {
    Path root = folder.toAbsolutePath().normalize();
    Path file = root.resolve(HEAD);
    if (!Files.exists(file)) {
      create(root, file);
    }
    return open(root);
  }

  private static void create(Path root, Path file) throws IOException {
    try {
      DurableFiles.createFolders(root);
      List<String> others;
      try (var entries = Files.list(root)) {
        others =
            entries
                .map(entry -> entry.getFileName().toString())
                .filter(name -> !name.equals("lost+found") && !name.startsWith(HEAD))
                .limit(3)
                .toList();
      }
      // Whoever made the others meanwhile has written the head before them.
      if (!others.isEmpty() && !Files.exists(file)) {
        throw new RepositoryException(
            RepositoryException.Kind.NOT_A_REPOSITORY,
            root
                + ": no "
                + HEAD
                + " in it but other files ("
                + String.join(", ", others)
                + "); name an empty or a new folder");
      }
      byte[] random = new byte[8];
      new SecureRandom().nextBytes(random);
      DurableFiles.writeOnce(file, Json.bytes(new Head(FORMAT, HexFormat.of().formatHex(random))));
    } catch (RepositoryException e) {
      throw e;
    } catch (IOException e) {
      throw notWritable(root, e);
    }
  }

  static RepositoryException notWritable(Path where, IOException e) {
    String why = e instanceof AccessDeniedException ? "permission denied" : e.toString();
    return new RepositoryException(
        RepositoryException.Kind.NOT_WRITABLE,
        where
            + ": cannot be written ("
            + why
            + "); check permissions, mount options and free space",
        e);
  }

  /**
   * Refuses a repository that cannot take a backup, before anything is touched at the source.
   *
   * @throws RepositoryException {@code NOT_WRITABLE}
   */
  public void checkWritable() throws RepositoryException {
    Path probe = root.resolve(HEAD + ".probe");
    try {
      DurableFiles.probe(probe);
    } catch (IOException e) {
      throw notWritable(root, e);
    }
  }

  /**
   * Says in {@code repository.json}, before the first image of that kind, that the repository is
   * not for releases which do not know it: they refuse it then instead of calling such images
   * damaged. Of several callers at the same time each may do so. Durable when this returns; again
   * it does nothing.
   *
   * @throws IOException when another repository is in its place by now, too
   */
  public void admit(ChecksumKind kind) throws IOException {
    if (kind == ChecksumKind.CRC32C
        || open(root, id, "which was to hold checksums of kind " + kind.word()).format
            >= FORMAT_MAX) {
      return;
    }
    try {
      DurableFiles.replace(root.resolve(HEAD), Json.bytes(new Head(FORMAT_MAX, id.value())));
    } catch (IOException e) {
      throw notWritable(root, e);
    }
  }

  /** The format that it has, at most {@link #FORMAT_MAX}. */
  public int format() {
    return format;
  }

  public Path root() {
    return root;
  }

  public RepositoryId id() {
    return id;
  }

  /** The folder of one disk; made when it is first written to. */
  public DiskFolder disk(VmId vm, int diskId) {
    return diskFolder(root, vm, diskId);
  }

  /** Where an image of a repository in that folder is, or was, or would be. Reads nothing. */
  public static Path image(Path root, VmId vm, int diskId, DiskBackupId id) {
    return diskFolder(root, vm, diskId).image(id);
  }

  /** The folder of one disk of a repository in a folder. Reads nothing. */
  public static DiskFolder diskFolder(Path root, VmId vm, int diskId) {
    return new DiskFolder(root.resolve("vms").resolve(vm.value()).resolve("disk-" + diskId));
  }

  /**
   * Publishes a restore point, with the digests of its disks' manifests as they are now; durable
   * when this returns. Writing the same one again changes nothing.
   */
  public void publish(VmId vm, RestorePoint point) throws IOException {
    Path file = restorePointFile(vm, new BackupId(point.backupId()));
    List<RestorePoint.Disk> disks = new ArrayList<>();
    for (RestorePoint.Disk disk : point.disks()) {
      Optional<DiskManifest> manifest =
          disk(vm, disk.diskId()).manifest(new DiskBackupId(disk.diskBackupId()));
      disks.add(
          new RestorePoint.Disk(
              disk.diskId(),
              disk.diskKey(),
              disk.diskBackupId(),
              disk.virtualSize(),
              manifest.map(DiskManifest::identitySha256).orElse(null)));
    }
    try {
      DurableFiles.createFolders(restorePoints(vm));
      DurableFiles.write(file, Json.bytes(point.withDisks(disks)));
    } catch (IOException e) {
      throw notWritable(file, e);
    }
  }

  /**
   * @throws RepositoryException {@code MISSING} or {@code DAMAGED}
   */
  public RestorePoint restorePoint(VmId vm, BackupId backup) throws IOException {
    return Json.read(restorePointFile(vm, backup), RestorePoint.class);
  }

  /** Whether a restore point's file is here. Reads nothing. */
  public boolean holds(VmId vm, BackupId backup) {
    return Files.exists(restorePointFile(vm, backup));
  }

  /** Removes a restore point; its images stay. Durable when this returns; again it does nothing. */
  public void withdraw(VmId vm, BackupId backup) throws IOException {
    Protection.delete(restorePointFile(vm, backup));
  }

  Path restorePointFile(VmId vm, BackupId backup) {
    return restorePoints(vm).resolve(backup.value() + ".json");
  }

  private Path restorePoints(VmId vm) {
    return root.resolve("vms").resolve(vm.value()).resolve("restore-points");
  }
}
