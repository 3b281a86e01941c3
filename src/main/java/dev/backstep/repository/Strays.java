package dev.backstep.repository;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Finds the files of a repository's folder that are no part of anything published. Goes by names
 * and by what lies beside them; reads no file and follows no link.
 */
public final class Strays {

  private static final String PARTIAL = ".partial";

  /** Of a disk backup's files; the last is there for a moment while an image is replaced. */
  private static final List<String> ENDINGS = List.of(".next.sums", ".qcow2", ".json", ".sums");

  private static final Set<String> TOP =
      Set.of("repository.json", RepositoryLock.FILE, "lost+found");

  private final Repository repository;
  private final List<Stray> found = new ArrayList<>();

  private Strays(Repository repository) {
    this.repository = repository;
  }

  /**
   * All of them, by path. What is published, removed or finished meanwhile may or may not be among
   * them: look at the age before anything is done to one.
   *
   * @throws IOException when a folder cannot be listed
   */
  public static List<Stray> of(Repository repository) throws IOException {
    Strays strays = new Strays(repository);
    strays.top();
    return List.copyOf(strays.found);
  }

  private void top() throws IOException {
    for (Path child : children(repository.root())) {
      String name = name(child);
      if (name.equals("vms") && isFolder(child)) {
        for (Path vm : children(child)) {
          machine(vm);
        }
      } else if (!TOP.contains(name)) {
        add(name.endsWith(".probe") ? Stray.Kind.PARTIAL : kind(name), child);
      }
    }
  }

  private void machine(Path vm) throws IOException {
    if (!isFolder(vm)) {
      add(kind(name(vm)), vm);
      return;
    }
    for (Path child : children(vm)) {
      if (isFolder(child) && HeldImages.isDiskFolder(child)) {
        disk(child);
      } else if (isFolder(child) && name(child).equals("restore-points")) {
        points(child);
      } else {
        add(kind(name(child)), child);
      }
    }
  }

  private void points(Path folder) throws IOException {
    for (Path file : children(folder)) {
      String name = name(file);
      if (!name.endsWith(".json") || !isFile(file) || !isId(name, ".json", BackupId::new)) {
        add(kind(name), file);
      }
    }
  }

  private void disk(Path folder) throws IOException {
    for (Path file : children(folder)) {
      String name = name(file);
      Optional<String> ending =
          ENDINGS.stream()
              .filter(one -> name.endsWith(one) && isId(name, one, DiskBackupId::new))
              .findFirst();
      if (ending.isEmpty() || !isFile(file)) {
        add(kind(name), file);
        continue;
      }
      String id = name.substring(0, name.length() - ending.get().length());
      if (!Files.exists(folder.resolve(id + ".json"))
          || !Files.exists(folder.resolve(id + ".qcow2"))) {
        add(Stray.Kind.ORPHAN, file);
      }
    }
  }

  private static boolean isId(String name, String ending, Function<String, Object> id) {
    try {
      var _ = id.apply(name.substring(0, name.length() - ending.length()));
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static Stray.Kind kind(String name) {
    return name.endsWith(PARTIAL) ? Stray.Kind.PARTIAL : Stray.Kind.FOREIGN;
  }

  private void add(Stray.Kind kind, Path file) throws IOException {
    try {
      BasicFileAttributes attributes =
          Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      found.add(
          new Stray(
              attributes.isRegularFile() ? kind : Stray.Kind.FOREIGN,
              file,
              attributes.isRegularFile() ? attributes.size() : 0,
              attributes.lastModifiedTime().toInstant()));
    } catch (NoSuchFileException e) {
      // It was finished or removed meanwhile.
    }
  }

  private static boolean isFolder(Path path) {
    return Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean isFile(Path path) {
    return Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static String name(Path path) {
    return path.getFileName().toString();
  }

  private static List<Path> children(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children.sorted().toList();
    }
  }
}
