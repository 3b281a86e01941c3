package dev.backstep.backup;

import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCheck;
import dev.backstep.blockio.ChecksumFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads a merged image again, before it replaces another or counts as it did. For one thread. */
public final class MergeProof implements Closeable {

  private final Path image;
  private final ChecksumFile entries;
  private final ChecksumCheck file;

  private MergeProof(Path image, ChecksumFile entries, ChecksumCheck file) {
    this.image = image;
    this.entries = entries;
    this.file = file;
  }

  /** The caller closes it. */
  public static MergeProof open(Path image, Path checksums) throws IOException {
    ChecksumFile entries = ChecksumFile.open(checksums);
    try {
      return new MergeProof(image, entries, ChecksumCheck.open(image));
    } catch (IOException | RuntimeException e) {
      entries.close();
      throw e;
    }
  }

  /** As {@link ImageMerge#prove}. */
  public boolean check(long bytes) throws IOException {
    List<Checksum> part = new ArrayList<>();
    long length = 0;
    Optional<Checksum> one = Optional.empty();
    while (length < bytes && (one = entries.next()).isPresent()) {
      part.add(one.get());
      length += one.get().lengthBytes();
    }
    List<ChecksumCheck.Mismatch> wrong = file.check(part);
    if (!wrong.isEmpty()) {
      throw new IOException(
          image
              + ": the merged image does not fit its checksums: it, or one that was merged into it,"
              + " is damaged; verify those: "
              + wrong.getFirst());
    }
    return length >= bytes;
  }

  @Override
  public void close() throws IOException {
    try (entries) {
      file.close();
    }
  }
}
