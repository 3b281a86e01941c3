package dev.backstep.repository;

import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Level;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Sha256;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a repository knows of one disk backup: the content of {@code <disk backup id>.json}, see
 * {@code docs/format.md}. Its presence says that the image's content is complete; the backup is
 * published once the image has its final name, too.
 *
 * @param format {@link Repository#FORMAT}
 * @param virtualSize the disk's exact size in bytes at the snapshot
 * @param level {@code full} or {@code incremental}
 * @param cause one sentence behind the reason, where there is more to say
 * @param changeId the source's mark of the snapshot, where it tracks changes
 * @param parent the disk backup whose image is the backing file; null for a full
 * @param chainLength images in the chain, this one included
 * @param image file name of the image, in the same folder
 * @param imageBytes length of the image file
 * @param dataBytes guest bytes stored in this image, before compression
 * @param checksums file name of the image's checksums, in the same folder; null for none
 * @param checksumsSha256 SHA-256 of that file, in hex digits
 * @param checksumKind a word of {@link ChecksumKind}; null for the first one, in manifests of early
 *     releases, and where there are none
 * @param snapshotTakenAt ISO 8601, UTC
 * @param completedAt ISO 8601, UTC
 * @param mergedAt ISO 8601, UTC: when the image was written anew, standing on another one or none;
 *     null for the image that the backup has written
 * @param replacement what holds instead once the image is the merged one; null unless it is just
 *     being replaced
 */
public record DiskManifest(
    int format,
    String diskBackupId,
    String backupId,
    String repositoryId,
    String vmId,
    String vmName,
    int diskId,
    String diskKey,
    long virtualSize,
    String level,
    String reason,
    @Nullable String cause,
    @Nullable String changeId,
    @Nullable String previousChangeId,
    @Nullable String parent,
    int chainLength,
    String image,
    long imageBytes,
    long dataBytes,
    @Nullable String checksums,
    @Nullable String checksumsSha256,
    @Nullable String checksumKind,
    String snapshotTakenAt,
    String completedAt,
    @Nullable String mergedAt,
    @Nullable Replacement replacement) {

  /**
   * What a merged image has that the one of the same name before it had otherwise. Fields as above.
   */
  public record Replacement(
      @Nullable String parent,
      int chainLength,
      long imageBytes,
      long dataBytes,
      String checksumsSha256,
      @Nullable String checksumKind,
      String mergedAt) {

    public Replacement {
      Json.require(checksumsSha256, "replacement.checksums_sha256");
      Json.require(mergedAt, "replacement.merged_at");
      requireKind(checksumKind);
    }
  }

  /** A newer release may know more of them. */
  private static void requireKind(@Nullable String kind) {
    if (kind != null && !kind.matches("[a-z][a-z0-9-]{0,19}")) {
      throw new IllegalArgumentException(
          "checksum_kind '" + kind + "', expected at most 20 of a-z, 0-9 and -, as sha-256");
    }
  }

  /** The same, about to be replaced; or, with null, not any more. */
  DiskManifest replacedBy(@Nullable Replacement next) {
    return with(
        level,
        parent,
        chainLength,
        imageBytes,
        dataBytes,
        checksumsSha256,
        checksumKind,
        mergedAt,
        next);
  }

  /** The manifest of the merged image. */
  DiskManifest replaced() {
    Replacement next = Objects.requireNonNull(replacement);
    return with(
        (next.parent() == null ? Level.FULL : Level.INCREMENTAL).word(),
        next.parent(),
        next.chainLength(),
        next.imageBytes(),
        next.dataBytes(),
        next.checksumsSha256(),
        next.checksumKind(),
        next.mergedAt(),
        null);
  }

  private DiskManifest with(
      String newLevel,
      @Nullable String newParent,
      int newChainLength,
      long newImageBytes,
      long newDataBytes,
      @Nullable String newChecksumsSha256,
      @Nullable String newChecksumKind,
      @Nullable String newMergedAt,
      @Nullable Replacement next) {
    return new DiskManifest(
        format,
        diskBackupId,
        backupId,
        repositoryId,
        vmId,
        vmName,
        diskId,
        diskKey,
        virtualSize,
        newLevel,
        reason,
        cause,
        changeId,
        previousChangeId,
        newParent,
        newChainLength,
        image,
        newImageBytes,
        newDataBytes,
        newMergedAt == null ? checksums : diskBackupId + ".sums",
        newChecksumsSha256,
        newChecksumKind,
        snapshotTakenAt,
        completedAt,
        newMergedAt,
        next);
  }

  /** How its checksums were taken; empty where there are none. */
  public Optional<String> kindOfChecksums() {
    return checksumsSha256 == null
        ? Optional.empty()
        : Optional.of(checksumKind == null ? ChecksumKind.CRC32C.word() : checksumKind);
  }

  /** What the backup was, whatever its image stands on since. */
  public Level backupLevel() {
    return Reason.valueOf(reason).level();
  }

  /** The disk backup under this image, if it is an overlay. */
  public Optional<DiskBackupId> parentId() {
    return Optional.ofNullable(parent).map(DiskBackupId::new);
  }

  /**
   * The manifest of the same image in another repository. There it has no change id: no backup goes
   * on from a copy, because the marks at the source belong to the repository that it was made in.
   */
  public DiskManifest copiedTo(RepositoryId repository) {
    return new DiskManifest(
        format,
        diskBackupId,
        backupId,
        repository.value(),
        vmId,
        vmName,
        diskId,
        diskKey,
        virtualSize,
        level,
        reason,
        cause,
        null,
        null,
        parent,
        chainLength,
        image,
        imageBytes,
        dataBytes,
        checksums,
        checksumsSha256,
        checksumKind,
        snapshotTakenAt,
        completedAt,
        mergedAt,
        null);
  }

  /**
   * SHA-256, in hex digits, of what never changes in it, whatever the image stands on: the fields
   * below in this order, each in UTF-8 with a zero byte behind it, absent ones empty.
   */
  public String identitySha256() {
    String text =
        Stream.of(
                diskBackupId,
                backupId,
                repositoryId,
                vmId,
                vmName,
                diskId,
                diskKey,
                virtualSize,
                reason,
                cause,
                changeId,
                previousChangeId,
                snapshotTakenAt,
                completedAt)
            .map(value -> value == null ? "\0" : value + "\0")
            .collect(Collectors.joining());
    return Sha256.of(text);
  }

  /**
   * @throws IllegalArgumentException when a field is missing, fields contradict each other, or a
   *     name could lead out of the folder
   */
  public DiskManifest {
    Json.require(diskBackupId, "disk_backup_id");
    Json.require(backupId, "backup_id");
    Json.require(repositoryId, "repository_id");
    Json.require(vmId, "vm_id");
    Json.require(vmName, "vm_name");
    Json.require(diskKey, "disk_key");
    Json.require(level, "level");
    Json.require(reason, "reason");
    Json.require(image, "image");
    Json.require(snapshotTakenAt, "snapshot_taken_at");
    Json.require(completedAt, "completed_at");
    requireKind(checksumKind);
    new DiskBackupId(diskBackupId);
    if (parent != null) {
      new DiskBackupId(parent);
    }
    if (image.indexOf('/') >= 0 || checksums != null && checksums.indexOf('/') >= 0) {
      throw new IllegalArgumentException(
          "image " + image + ", checksums " + checksums + ": expected names without a folder");
    }
    boolean overlay = Level.INCREMENTAL.word().equals(level);
    if (overlay != (parent != null)
        || (Reason.valueOf(reason).level() != (overlay ? Level.INCREMENTAL : Level.FULL)
            && (overlay || mergedAt == null))
        || overlay != chainLength > 1
        || chainLength < 1
        || virtualSize < 0) {
      throw new IllegalArgumentException(
          "level "
              + level
              + ", reason "
              + reason
              + ", parent "
              + parent
              + ", chain length "
              + chainLength
              + ", size "
              + virtualSize
              + " do not belong together");
    }
  }
}
