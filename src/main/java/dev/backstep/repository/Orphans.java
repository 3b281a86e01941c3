package dev.backstep.repository;

import dev.backstep.blockio.DiskInUseException;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Files of a repository that belong to no image and no restore point: work in progress, of which
 * the caller may know more, and what a crash has left. Files that the format does not name are
 * nobody's business here. Stateless but for the repository; thread-safe.
 */
public final class Orphans {

  private static final Pattern DISK_FOLDER = Pattern.compile("disk-(0|[1-9][0-9]{0,5})");

  /** The disk backup, and what of it. */
  private static final Pattern FILE =
      Pattern.compile(
          "(.+?)\\.(qcow2|json|sums|next\\.sums"
              + "|(?:qcow2|json|sums|merge\\.qcow2|merge\\.sums)\\.partial)");

  private final Repository repository;

  public Orphans(Repository repository) {
    this.repository = repository;
  }

  /**
   * A file that nothing in the repository names.
   *
   * @param disk the disk backup that its name tells; empty for what is of none
   * @param why one word: partial, image, manifest, checksums
   */
  public record Orphan(
      Path file, Optional<DiskBackupId> disk, String why, long bytes, Instant modifiedAt) {}

  /**
   * All of them. A disk folder with a manifest that cannot be read has none: it may name any of its
   * files.
   *
   * @throws IOException when a folder cannot be listed
   */
  public List<Orphan> find() throws IOException {
    List<Orphan> found = new ArrayList<>();
    for (Path file : files(repository.root())) {
      if (file.getFileName().toString().matches("repository\\.json\\..+\\.partial")) {
        add(found, file, Optional.empty(), "partial");
      }
    }
    for (Path vm : folders(repository.root().resolve("vms"))) {
      for (Path file : files(vm.resolve("restore-points"))) {
        if (file.toString().endsWith(".json.partial")) {
          add(found, file, Optional.empty(), "partial");
        }
      }
      for (Path disk : folders(vm)) {
        Matcher number = DISK_FOLDER.matcher(disk.getFileName().toString());
        if (number.matches()) {
          find(new DiskFolder(disk), found);
        }
      }
    }
    return found;
  }

  private static void find(DiskFolder folder, List<Orphan> found) throws IOException {
    Set<String> named = new HashSet<>();
    Set<String> replacing = new HashSet<>();
    for (Path file : folder.manifestFiles()) {
      DiskManifest manifest;
      try {
        manifest = Json.read(file, DiskManifest.class);
      } catch (RepositoryException e) {
        if (Files.exists(file)) {
          return;
        }
        continue; // it has just gone
      }
      manifest.parentId().ifPresent(id -> named.add(id.value()));
      if (Files.exists(folder.path().resolve(manifest.image()))) {
        named.add(manifest.diskBackupId());
      }
      if (manifest.replacement() != null) {
        replacing.add(manifest.diskBackupId());
        Optional.ofNullable(manifest.replacement().parent()).ifPresent(named::add);
      }
    }
    for (Path file : files(folder.path())) {
      Matcher name = FILE.matcher(file.getFileName().toString());
      if (name.matches() && isOrphan(name.group(1), name.group(2), named, replacing)) {
        add(found, file, Optional.of(new DiskBackupId(name.group(1))), word(name.group(2)));
      }
    }
  }

  private static boolean isOrphan(
      String id, String what, Set<String> named, Set<String> replacing) {
    return switch (what) {
      case "qcow2", "json", "sums" -> !named.contains(id);
      default -> !replacing.contains(id);
    };
  }

  private static String word(String what) {
    return switch (what) {
      case "qcow2" -> "image";
      case "json" -> "manifest";
      case "sums", "next.sums" -> "checksums";
      default -> "partial";
    };
  }

  private static void add(List<Orphan> found, Path file, Optional<DiskBackupId> disk, String why)
      throws IOException {
    try {
      found.add(
          new Orphan(
              file, disk, why, Files.size(file), Files.getLastModifiedTime(file).toInstant()));
    } catch (NoSuchFileException e) {
      // It has just gone.
    }
  }

  /**
   * Removes one that is still an orphan, was not changed since it was found, and that nobody writes
   * to.
   *
   * @return whether it is gone
   */
  public boolean collect(Orphan orphan) throws IOException {
    List<Orphan> now = new ArrayList<>();
    if (orphan.disk().isPresent()) {
      find(new DiskFolder(Objects.requireNonNull(orphan.file().getParent())), now);
    } else {
      add(now, orphan.file(), Optional.empty(), orphan.why());
    }
    if (!now.contains(orphan)) {
      return false;
    }
    try (DiskLock lock = DiskLock.exclusive(orphan.file())) {
      DurableFiles.delete(lock.path());
      return true;
    } catch (DiskInUseException e) {
      return false;
    }
  }

  /** The VM whose folder a file of a repository is in; empty for those of none. */
  public static Optional<VmId> vm(Repository repository, Path file) {
    Path inside = repository.root().relativize(file);
    return inside.getNameCount() > 2 && inside.getName(0).toString().equals("vms")
        ? Optional.of(new VmId(inside.getName(1).toString()))
        : Optional.empty();
  }

  private static List<Path> folders(Path folder) throws IOException {
    return children(folder, Files::isDirectory);
  }

  private static List<Path> files(Path folder) throws IOException {
    return children(folder, Files::isRegularFile);
  }

  private static List<Path> children(Path folder, java.util.function.Predicate<Path> kind)
      throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> children = Files.list(folder)) {
      return children.filter(kind).sorted().toList();
    }
  }
}
