package dev.backstep.job.retention;

import dev.backstep.backup.ImageMerge;
import dev.backstep.backup.Rebase;
import dev.backstep.blockio.ImmutableFlag;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Merges;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.definition.JobDefinitionException;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * An image to be written anew.
 *
 * @param before the catalog's rows when it was chosen: its own, and of those that become one with
 *     it
 * @param base what it shall stand on
 * @param proven whether it, and what is merged into it, was read and found right
 */
record MergeTarget(
    Machine machine,
    List<Merges.Image> before,
    Optional<DiskBackupId> base,
    DiskFolder folder,
    Compression compression,
    int compressionLevel,
    boolean proven) {

  /** A VM in a repository. */
  record Machine(RepositoryId repositoryId, String repositoryPath, VmId vm) {

    static Machine of(BackupRow row) {
      return new Machine(row.repositoryId(), row.repositoryPath(), row.vmId());
    }
  }

  /**
   * @throws IOException when it is not that repository that lies there
   */
  static MergeTarget of(
      Machine machine,
      Rebase rebase,
      List<Merges.Image> images,
      BackupQueries backups,
      RepositoryLocks locks,
      boolean proven)
      throws IOException {
    Repository repository =
        locks.take(
            Repository.open(
                Path.of(machine.repositoryPath()),
                machine.repositoryId(),
                "in which the images of " + machine.vm() + " are"));
    List<Merges.Image> before = merged(rebase, images);
    BackupRow row = backups.find(rebase.image().value()).orElseThrow();
    Optional<JobDefinition> definition = definition(row);
    return new MergeTarget(
        machine,
        before,
        rebase.base(),
        repository.disk(machine.vm(), before.getFirst().diskId()),
        definition.map(JobDefinition::compression).orElse(Compression.NONE),
        definition.map(JobDefinition::compressionLevel).orElse(1),
        proven);
  }

  /** The images that become one, from the top: what another merge replaces is read as it was. */
  private static List<Merges.Image> merged(Rebase rebase, List<Merges.Image> images) {
    Map<DiskBackupId, Merges.Image> byId =
        images.stream().collect(Collectors.toMap(Merges.Image::id, image -> image));
    List<Merges.Image> merged = new ArrayList<>();
    Optional<DiskBackupId> next = Optional.of(rebase.image());
    while (next.isPresent() && !next.equals(rebase.base()) && merged.size() < images.size()) {
      Merges.Image image = Objects.requireNonNull(byId.get(next.get()), next.get().value());
      merged.add(image);
      next = image.base();
    }
    return merged;
  }

  /** As it was for the backup; an imported one may have lost it. */
  private static Optional<JobDefinition> definition(BackupRow row) {
    try {
      return Optional.of(JobDefinitions.read(row.definition()));
    } catch (JobDefinitionException e) {
      return Optional.empty();
    }
  }

  DiskBackupId image() {
    return before.getFirst().id();
  }

  /** Whether the image may not be replaced, until a time that retention waits for. */
  boolean isImmutable() throws IOException {
    return ImmutableFlag.isSet(folder.image(image()));
  }

  /** Tells it from others. */
  String name() {
    return image() + " on " + base.map(DiskBackupId::value).orElse("nothing");
  }

  ImageMerge open(Optional<WriterState> resume) throws IOException {
    ImageMerge.Request request =
        new ImageMerge.Request(folder, image(), base, compression, compressionLevel);
    try {
      return ImageMerge.open(request, resume);
    } catch (EOFException | dev.backstep.qcow2.Qcow2FormatException e) {
      if (resume.isEmpty()) {
        throw e;
      }
      return ImageMerge.open(request, Optional.empty());
    }
  }

  /**
   * @throws OperatorException CONFLICT when the catalog says something else of it by now
   */
  void requireUnchanged(Merges merges) {
    List<Merges.Image> now = merges.images(machine.repositoryId(), machine.vm());
    for (Merges.Image one : before) {
      boolean unchanged =
          now.stream()
              .anyMatch(image ->
                  image.id().equals(one.id())
                      && image.base().equals(one.base())
                      && !image.damaged());
      if (!unchanged) {
        throw OperatorException.conflict(
            one.id() + " was changed, deleted or found damaged meanwhile; merge again", null);
      }
    }
  }
}
