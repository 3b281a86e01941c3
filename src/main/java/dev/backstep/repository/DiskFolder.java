package dev.backstep.repository;

import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.DiskBackupId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The folder of one disk: its images, their manifests, and work in progress. Thread-safe. */
public final class DiskFolder {

  /** Longest chain that is followed; far above any sensible limit, below a loop. */
  private static final int CHAIN_LENGTH_MAX = 1000;

  private final Path folder;

  DiskFolder(Path folder) {
    this.folder = folder;
  }

  public Path path() {
    return folder;
  }

  public Path image(DiskBackupId id) {
    return folder.resolve(imageName(id));
  }

  /** The image's name in this folder: what an overlay names as its backing file. */
  public static String imageName(DiskBackupId id) {
    return id.value() + ".qcow2";
  }

  /** The image while it is being written; never a backing file. */
  public Path partial(DiskBackupId id) {
    return folder.resolve(imageName(id) + ".partial");
  }

  /** The checksums of what the image's file holds; see {@code ChecksumFile}. */
  public Path checksums(DiskBackupId id) {
    return folder.resolve(checksumsName(id));
  }

  /** The name of the checksums in this folder. */
  public static String checksumsName(DiskBackupId id) {
    return id.value() + ".sums";
  }

  /** The checksums while the image is being written. */
  public Path partialChecksums(DiskBackupId id) {
    return folder.resolve(checksumsName(id) + ".partial");
  }

  /** Makes the folder where it is not there yet. */
  public void create() throws IOException {
    try {
      DurableFiles.createFolders(folder);
    } catch (IOException e) {
      throw Repository.notWritable(folder, e);
    }
  }

  /** Whether any file of that id is here, complete or not. */
  public boolean knows(DiskBackupId id) {
    return Files.exists(image(id))
        || Files.exists(partial(id))
        || Files.exists(checksums(id))
        || Files.exists(manifestFile(id));
  }

  /** Whether image and checksums are here, under whichever name, so that they can be published. */
  public boolean canPublish(DiskBackupId id) {
    return (Files.exists(partial(id)) || Files.exists(image(id)))
        && (Files.exists(partialChecksums(id)) || Files.exists(checksums(id)));
  }

  /**
   * The manifest of a disk backup, if it is here. It is written when the image's content is
   * complete, so it is there also in the moment before the image gets its final name.
   *
   * @throws RepositoryException {@code DAMAGED}
   */
  public Optional<DiskManifest> manifest(DiskBackupId id) throws IOException {
    return Files.exists(manifestFile(id))
        ? Optional.of(Json.read(manifestFile(id), DiskManifest.class))
        : Optional.empty();
  }

  /**
   * Publishes a finished image: first its checksums, then its manifest, then its final name, so
   * that an image under its final name always has its manifest, and a manifest its checksums. All
   * are durable when this returns. May be called again after a crash in between.
   *
   * @throws IOException when neither the partial nor the published image is there, or the
   *     repository cannot be written
   */
  public void publish(DiskBackupId id, DiskManifest manifest) throws IOException {
    if (Files.exists(partialChecksums(id))) {
      DurableFiles.publish(partialChecksums(id), checksums(id));
    } else if (manifest.checksums() != null && !Files.exists(checksums(id))) {
      throw new RepositoryException(
          RepositoryException.Kind.MISSING,
          checksums(id) + ": the image's checksums are gone; it must be written anew");
    }
    DurableFiles.write(manifestFile(id), Json.bytes(manifest));
    if (Files.exists(partial(id)) || !Files.exists(image(id))) {
      DurableFiles.publish(partial(id), image(id));
    }
  }

  /**
   * Removes every file of a disk backup that was given up before it was completed. The caller knows
   * that no completed backup names it. Durable when this returns: a manifest that came back would
   * say of the next try's image that it is complete. The image goes before its manifest.
   */
  public void discard(DiskBackupId id) throws IOException {
    if (Files.exists(image(id))) {
      DurableFiles.delete(image(id));
    }
    DurableFiles.delete(manifestFile(id), partialChecksums(id), checksums(id), partial(id));
  }

  /**
   * A published image whose backing file is that of a disk backup, as far as this folder knows.
   *
   * @throws RepositoryException {@code DAMAGED} when a manifest cannot be read: it may be that one
   */
  public Optional<DiskManifest> standingOn(DiskBackupId id) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    for (Path file : manifestFiles()) {
      DiskManifest manifest = Json.read(file, DiskManifest.class);
      if (manifest.parentId().equals(Optional.of(id))
          && Files.exists(folder.resolve(manifest.image()))) {
        return Optional.of(manifest);
      }
    }
    return Optional.empty();
  }

  /** Sorted; empty when the folder is not there. */
  List<Path> manifestFiles() throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  /**
   * Removes a published image that nothing stands on, and its checksums, before its manifest: an
   * image under its final name always has one. Durable when this returns; again it does nothing.
   */
  public void removeImage(DiskBackupId id) throws IOException {
    Protection.delete(image(id));
    Protection.delete(checksums(id));
  }

  /** Removes the manifest of an image that is gone. As {@link #removeImage}. */
  public void removeManifest(DiskBackupId id) throws IOException {
    Protection.delete(manifestFile(id));
  }

  /**
   * The chain of a published image, newest first, checked as far as names and lengths go: every
   * image and manifest is there and as long as it was when it was published.
   *
   * @throws RepositoryException {@code MISSING} or {@code DAMAGED}, naming the file
   */
  public List<DiskManifest> chain(DiskBackupId top) throws IOException {
    List<DiskManifest> chain = new ArrayList<>();
    Optional<DiskBackupId> next = Optional.of(top);
    while (next.isPresent()) {
      DiskManifest manifest = published(next.get());
      chain.add(manifest);
      next = manifest.parentId();
      if (chain.size() > CHAIN_LENGTH_MAX) {
        throw new RepositoryException(
            RepositoryException.Kind.DAMAGED,
            image(top) + ": more than " + CHAIN_LENGTH_MAX + " images in its chain, or a loop");
      }
    }
    return List.copyOf(chain);
  }

  /**
   * The manifest of a published image, which is there and as long as when it was published.
   *
   * @throws RepositoryException {@code MISSING} or {@code DAMAGED}, naming the file
   */
  public DiskManifest published(DiskBackupId id) throws IOException {
    DiskManifest manifest = Json.read(manifestFile(id), DiskManifest.class);
    Path image = image(id);
    if (!manifest.diskBackupId().equals(id.value())) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED,
          manifestFile(id) + ": is the manifest of " + manifest.diskBackupId());
    }
    if (!Files.exists(image)) {
      throw new RepositoryException(
          RepositoryException.Kind.MISSING,
          image + ": the image is not in the repository any more");
    }
    long length = Files.size(image);
    if (length != manifest.imageBytes()) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED,
          image + ": " + length + " bytes long, expected " + manifest.imageBytes());
    }
    return manifest;
  }

  /** What belongs to a published image. */
  List<Path> files(DiskBackupId id) {
    return List.of(image(id), checksums(id), manifestFile(id));
  }

  private Path manifestFile(DiskBackupId id) {
    return folder.resolve(id.value() + ".json");
  }
}
