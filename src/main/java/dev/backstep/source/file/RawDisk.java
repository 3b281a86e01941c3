package dev.backstep.source.file;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.DiskInUseException;
import dev.backstep.blockio.DiskLock;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.RawFile;
import dev.backstep.blockio.RawFileReader;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.Optional;

/** A raw file or block device, locked against writers and read directly. It tracks no changes. */
final class RawDisk implements ImageDisk {

  private final ImageFile file;
  private final DiskLock lock;

  private RawDisk(ImageFile file, DiskLock lock) {
    this.file = file;
    this.lock = lock;
  }

  static RawDisk open(ImageFile file) throws SourceException {
    try {
      return new RawDisk(file, DiskLock.shared(file.path()));
    } catch (DiskInUseException e) {
      throw new SourceException(SourceException.Kind.LOCKED, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new SourceException(SourceException.Kind.FAILED, String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public DiskKey key() {
    return file.key();
  }

  @Override
  public long sizeBytes() {
    return file.sizeBytes();
  }

  @Override
  public Optional<ChangeId> changeId() {
    return Optional.empty();
  }

  @Override
  public Optional<String> untracked() {
    return Optional.of(cause());
  }

  private String cause() {
    return file.path()
        + " is raw and cannot track changes; `qemu-img convert -O qcow2` makes one that can";
  }

  @Override
  public boolean tracksGrowth() {
    return false;
  }

  @Override
  public void allocated(ExtentVisitor visitor) throws IOException {
    RawFile.allocated(file.path(), visitor);
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) {
    return new ChangedAnswer.Unavailable(cause());
  }

  @Override
  public BlockReader open(int blocksInFlight) throws IOException {
    return RawFileReader.open(file.path(), blocksInFlight);
  }

  @Override
  public DiskHandle handle() throws SourceException {
    return file.handle("");
  }

  @Override
  public void close() {
    lock.close();
  }
}
