package dev.backstep.backup;

import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.repository.DiskFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The checksums of the images of a chain, by the images' files. */
record ChainChecksums(DiskFolder folder) {

  /** Opens an image that is compared with its checksums where it has some. */
  ReadOnlyFile open(Path image) throws IOException {
    Path sums = of(image);
    return Files.exists(sums) ? ReadOnlyFile.checked(image, sums) : ReadOnlyFile.open(image);
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
    String name = String.valueOf(image.getFileName());
    return folder.currentChecksums(
        new DiskBackupId(name.substring(0, name.length() - ".qcow2".length())));
  }
}
