package dev.backstep.repository;

import dev.backstep.blockio.DurableFiles;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.Qcow2Header;
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

  /** An image may be replaced while its chain is looked at; a few times, if at all. */
  private static final int LOOKS_MAX = 3;

  private static final String PARTIAL = ".partial";
  private static final String IMAGE = ".qcow2";

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
    return id.value() + IMAGE;
  }

  /** Whose image a file is that is named as {@link #imageName} does. */
  public static DiskBackupId id(Path image) {
    String name = String.valueOf(image.getFileName());
    return new DiskBackupId(name.substring(0, name.length() - IMAGE.length()));
  }

  /** The image while it is being written; never a backing file. */
  public Path partial(DiskBackupId id) {
    return folder.resolve(imageName(id) + PARTIAL);
  }

  /** The checksums of what the image's file holds; see {@code ChecksumFile}. */
  public Path checksums(DiskBackupId id) {
    return folder.resolve(checksumsName(id));
  }

  /**
   * As {@link #checksums}, of an image that may just be being replaced.
   *
   * @throws RepositoryException as {@link #published}
   */
  public Path currentChecksums(DiskBackupId id) throws IOException {
    return look(() -> {
      DiskManifest manifest = Json.read(manifestFile(id), DiskManifest.class);
      Path next = nextChecksums(id);
      return manifest.replacement() != null
              && current(manifest).equals(manifest.replaced())
              && Files.exists(next)
          ? next
          : checksums(id);
    });
  }

  /** A merged image that is being written; in the end it replaces the one of this id. */
  public Path merging(DiskBackupId id) {
    return folder.resolve(id.value() + ".merge.qcow2" + PARTIAL);
  }

  /** The checksums of a merged image that is being written. */
  public Path mergingChecksums(DiskBackupId id) {
    return folder.resolve(id.value() + ".merge.sums" + PARTIAL);
  }

  /** The checksums of a merged image while it replaces the one that {@link #checksums} are of. */
  private Path nextChecksums(DiskBackupId id) {
    return folder.resolve(id.value() + ".next.sums");
  }

  /** The name of the checksums in this folder. */
  public static String checksumsName(DiskBackupId id) {
    return id.value() + ".sums";
  }

  /** The checksums while the image is being written. */
  public Path partialChecksums(DiskBackupId id) {
    return folder.resolve(checksumsName(id) + PARTIAL);
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
        ? Optional.of(current(Json.read(manifestFile(id), DiskManifest.class)))
        : Optional.empty();
  }

  /**
   * What a manifest says of the image that is there now. Which of the two that is while one
   * replaces the other is told by what its header says it stands on.
   */
  DiskManifest current(DiskManifest manifest) throws IOException {
    if (manifest.replacement() == null) {
      return manifest;
    }
    DiskManifest replaced = manifest.replaced();
    Path image = image(new DiskBackupId(manifest.diskBackupId()));
    return Files.exists(image)
            && Qcow2Header.read(image)
                .backingFile()
                .equals(replaced.parentId().map(DiskFolder::imageName))
        ? replaced
        : manifest.replacedBy(null);
  }

  /**
   * Replaces a published image by the merged one, {@link #merging}, which is complete and forced
   * and shows the same. At each moment image, manifest and checksums can be told to be the old or
   * the new ones; the image's rename decides. All is durable when this returns. Whoever finds it
   * half done calls {@link #settle}.
   */
  public void replace(DiskBackupId id, DiskManifest.Replacement next) throws IOException {
    for (Step step : replacing(id, next)) {
      step.run();
    }
  }

  /** What is done at once or not at all; again it does nothing. */
  interface Step {
    void run() throws IOException;
  }

  /** The steps of {@link #replace}, in order. */
  List<Step> replacing(DiskBackupId id, DiskManifest.Replacement next) throws IOException {
    DiskManifest then = current(Json.read(manifestFile(id), DiskManifest.class)).replacedBy(next);
    return List.of(
        () -> DurableFiles.publish(mergingChecksums(id), nextChecksums(id)),
        () -> DurableFiles.write(manifestFile(id), Json.bytes(then)),
        () -> DurableFiles.publish(merging(id), image(id)),
        () -> DurableFiles.publish(nextChecksums(id), checksums(id)),
        () -> DurableFiles.write(manifestFile(id), Json.bytes(then.replaced())));
  }

  /**
   * Ends a replacement that was begun: on its way when the merged image is still there, else as
   * what the image is now.
   *
   * @return the manifest, when there was one to end
   */
  public Optional<DiskManifest> settle(DiskBackupId id) throws IOException {
    DiskManifest manifest = Json.read(manifestFile(id), DiskManifest.class);
    if (manifest.replacement() == null) {
      return Optional.empty();
    }
    if (Files.exists(merging(id))) {
      DurableFiles.publish(merging(id), image(id));
    }
    DiskManifest now = current(manifest);
    if (now.equals(manifest.replaced()) && Files.exists(nextChecksums(id))) {
      DurableFiles.publish(nextChecksums(id), checksums(id));
    }
    DurableFiles.write(manifestFile(id), Json.bytes(now));
    DurableFiles.delete(nextChecksums(id));
    return Optional.of(now);
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
      DiskManifest manifest = current(Json.read(file, DiskManifest.class));
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
    DurableFiles.delete(merging(id));
    DurableFiles.delete(mergingChecksums(id));
    Protection.delete(image(id));
    DurableFiles.delete(nextChecksums(id));
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
    return look(() -> links(top));
  }

  private interface Look<T> {
    T take() throws IOException;
  }

  private static <T> T look(Look<T> look) throws IOException {
    for (int i = 1; i < LOOKS_MAX; i++) {
      try {
        return look.take();
      } catch (RepositoryException | Qcow2FormatException e) {
        // It may have been replaced between two looks at it; the last look says what is wrong.
      }
    }
    return look.take();
  }

  private List<DiskManifest> links(DiskBackupId top) throws IOException {
    List<DiskManifest> chain = new ArrayList<>();
    Optional<DiskBackupId> next = Optional.of(top);
    while (next.isPresent()) {
      DiskManifest manifest = link(next.get());
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
    return look(() -> link(id));
  }

  private DiskManifest link(DiskBackupId id) throws IOException {
    DiskManifest manifest = current(Json.read(manifestFile(id), DiskManifest.class));
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
