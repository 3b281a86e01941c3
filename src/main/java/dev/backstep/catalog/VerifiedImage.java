package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import java.util.Optional;

/**
 * An image that a verification is about.
 *
 * @param number in the order of checking, from 1; a backing image comes before those on it
 * @param base the image that it stands on
 * @param repositoryPath the repository's folder as last registered
 */
public record VerifiedImage(
    int number,
    DiskBackupId image,
    BackupId backup,
    VmId vm,
    String vmName,
    int diskId,
    RepositoryId repository,
    String repositoryPath,
    Optional<DiskBackupId> base,
    ImageResult result,
    long bytesChecked) {}
