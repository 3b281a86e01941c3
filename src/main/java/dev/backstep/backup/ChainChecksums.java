package dev.backstep.backup;

import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.repository.DiskFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The checksums of the images of a chain, by the images' files. */
record ChainChecksums(DiskFolder folder) {

  /**
   * Opens an image that is compared with its checksums; those of an early release have none.
   *
   * @throws IOException when they are not the ones that its manifest names, too: what they say
   *     would be proof of nothing
   */
  ReadOnlyFile open(Path image) throws IOException {
    String expected = folder.published(DiskFolder.id(image)).checksumsSha256();
    if (expected == null) {
      return ReadOnlyFile.open(image);
    }
    Path sums = of(image);
    String found = Files.exists(sums) ? ChecksumFile.sha256(sums) : "of no such file";
    if (!found.equals(expected)) {
      throw new IOException(
          sums
              + ": SHA-256 "
              + found
              + ", expected "
              + expected
              + " as the manifest says; verify this image, nothing was changed");
    }
    return ReadOnlyFile.checked(image, sums);
  }

  /** The strongest kind of any: what it proves of one image is to be proven of them all as one. */
  ChecksumKind strongest(List<Path> images) throws IOException {
    ChecksumKind strongest = ChecksumKind.CRC32C;
    for (Path image : images) {
      Path sums = of(image);
      if (Files.exists(sums)) {
        strongest = strongest.strongest(ChecksumFile.kind(sums));
      }
    }
    return strongest;
  }

  private Path of(Path image) throws IOException {
    return folder.currentChecksums(DiskFolder.id(image));
  }
}
