package dev.backstep.backup;

import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.blockio.WrongChecksumException;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Tells whether the images of a chain still hold what was written to them, by the checksums that
 * were taken then. Opens them when it is first asked: most are never asked. For one thread.
 */
final class ChainProof implements Closeable {

  /**
   * An image may be replaced between the looks at it and at its checksums; a few times, if at all.
   */
  private static final int LOOKS_MAX = 3;

  private final DiskFolder folder;
  private final DiskBackupId top;
  private List<DiskManifest> looked = List.of();
  private @Nullable Qcow2Reader chain;

  ChainProof(DiskFolder folder, DiskBackupId top) {
    this.folder = folder;
    this.top = top;
  }

  /**
   * What is wrong with the images where they tell what a range of the disk is, tables included;
   * empty when they are as they were written, or nothing can be said of them.
   *
   * @param range of at most one block
   */
  Optional<UnreadableBaseException> damage(ByteRange range) throws IOException {
    for (int look = 1; true; look++) {
      try {
        read(range);
        return Optional.empty();
      } catch (IOException e) {
        if (look == LOOKS_MAX || !isReplaced()) {
          return Optional.of(new UnreadableBaseException(range, damaged(e), e));
        }
        close();
      }
    }
  }

  private void read(ByteRange range) throws IOException {
    Qcow2Reader opened = chain;
    if (opened == null) {
      looked = folder.chain(top);
      opened = Qcow2Reader.open(folder.image(top), 1, this::checked);
      chain = opened;
    }
    long length = Math.min(range.length(), opened.sizeBytes() - range.offset());
    if (length > 0) {
      ReadAhead.await(opened.read(List.of(new ByteRange(range.offset(), length)))).close();
    }
  }

  /**
   * With its checksums, whatever its manifest says of them: each one that fits is proof enough.
   * Where they are none, or those of a newer release, nothing speaks against the image.
   */
  private ReadOnlyFile checked(Path image) throws IOException {
    try {
      return ReadOnlyFile.checked(image, folder.currentChecksums(DiskFolder.id(image)));
    } catch (IOException e) {
      return ReadOnlyFile.open(image);
    }
  }

  private boolean isReplaced() {
    try {
      return !looked.equals(folder.chain(top));
    } catch (IOException e) {
      return false; // what is wrong is told by who met it
    }
  }

  private static Optional<DiskBackupId> damaged(IOException e) {
    return e instanceof WrongChecksumException wrong
        ? Optional.of(DiskFolder.id(wrong.file()))
        : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    Qcow2Reader opened = chain;
    chain = null;
    if (opened != null) {
      opened.close();
    }
  }
}
