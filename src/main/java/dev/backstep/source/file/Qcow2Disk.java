package dev.backstep.source.file;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdExtents;
import dev.backstep.nbd.NbdReader;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.GrownDisk;
import dev.backstep.source.NbdServer;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;

/** A qcow2 file, exported read-only by a qemu-nbd of ours for as long as it is open. */
final class Qcow2Disk implements ImageDisk {

  private final ImageFile file;
  private final ChangeId mark;
  private final Marking marking;
  private final NbdServer server;

  private Qcow2Disk(ImageFile file, ChangeId mark, Marking marking, NbdServer server) {
    this.file = file;
    this.mark = mark;
    this.marking = marking;
    this.server = server;
  }

  /**
   * @throws SnapshotGoneException when the snapshot's bitmap shows that the disk was written
   */
  static Qcow2Disk open(
      ImageFile file, ChangeId mark, Optional<ChangeId> since, Marking marking, Path runFolder)
      throws SourceException, SnapshotGoneException {
    List<String> options = new ArrayList<>(List.of("-r"));
    if (file.canBeMarked()) {
      options.addAll(List.of("-B", mark.value()));
      if (marking.withEnd()) {
        options.addAll(List.of("-B", EndMark.of(mark, file.sizeBytes()).name()));
      }
      since
          .flatMap(id -> file.qcow2().bitmap(id.value()))
          .filter(QemuImage.Bitmap::isTrusted)
          .ifPresent(bitmap -> options.addAll(List.of("-B", bitmap.name())));
      since
          .flatMap(id -> EndMark.beside(id, file.qcow2()))
          .ifPresent(end -> options.addAll(List.of("-B", end.name())));
    }
    NbdServer server = NbdServer.start(file.path(), options, runFolder);
    Qcow2Disk disk = new Qcow2Disk(file, mark, marking, server);
    try {
      disk.requireClean();
      return disk;
    } catch (IOException e) {
      disk.close();
      throw e instanceof SourceException source
          ? source
          : new SourceException(
              SourceException.Kind.FAILED, "disk " + file.key() + ": " + e.getMessage(), e);
    } catch (SnapshotGoneException | RuntimeException e) {
      disk.close();
      throw e;
    }
  }

  /** A bitmap that nothing has marked is the proof that the disk still shows the snapshot. */
  private void requireClean() throws IOException, SnapshotGoneException {
    if (!file.canBeMarked()) {
      return;
    }
    AtomicBoolean written = new AtomicBoolean();
    EndMark end = EndMark.of(mark, file.sizeBytes());
    List<String> contexts =
        marking.withEnd() ? List.of(context(mark), end.context()) : List.of(context(mark));
    try (NbdConnection connection = server.connect(contexts)) {
      if (connection.export().sizeBytes() != file.sizeBytes()
          || (marking.withEnd() && !end.isWhole(connection))) {
        throw new SnapshotGoneException(file.path() + " was resized since the snapshot");
      }
      NbdExtents.dirty(connection, mark.value(), (offset, length, kind) -> written.set(true));
    }
    if (written.get()) {
      throw new SnapshotGoneException(file.path() + " was written since the snapshot");
    }
  }

  private static String context(ChangeId bitmap) {
    return NbdExtents.DIRTY_BITMAP + bitmap.value();
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
    return file.canBeMarked() ? Optional.of(mark) : Optional.empty();
  }

  @Override
  public Optional<String> untracked() {
    if (file.canBeMarked()) {
      return Optional.empty();
    }
    return Optional.of(
        file.path()
            + (file.sizeBytes() == 0
                ? " has no bytes to track"
                : " is a version 2 image without bitmaps; `qemu-img amend -o compat=1.1` enables"
                    + " tracking"));
  }

  /** QEMU extends a bitmap with its image. */
  @Override
  public boolean tracksGrowth() {
    return true;
  }

  @Override
  public void allocated(ExtentVisitor visitor) throws IOException {
    try (NbdConnection connection = server.connect(List.of(NbdExtents.ALLOCATION))) {
      NbdExtents.allocated(connection, visitor);
    }
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException {
    Optional<String> untracked = untracked();
    if (untracked.isPresent()) {
      return new ChangedAnswer.Unavailable(untracked.get());
    }
    Optional<QemuImage.Bitmap> bitmap = file.qcow2().bitmap(since.value());
    if (bitmap.isEmpty()) {
      return new ChangedAnswer.Reset(
          "bitmap "
              + since
              + " is not in "
              + file.path()
              + " itself; was the image replaced,"
              + " or was a snapshot put on top of it?");
    }
    if (bitmap.get().inUse()) {
      return new ChangedAnswer.Reset(
          "bitmap "
              + since
              + " in "
              + file.path()
              + " was not closed cleanly; did QEMU or the host crash?");
    }
    if (!bitmap.get().recording()) {
      return new ChangedAnswer.Reset(
          "bitmap " + since + " in " + file.path() + " was switched off; somebody disabled it");
    }
    if (file.qcow2().isBelow(since.value())) {
      return new ChangedAnswer.Reset(
          "bitmap "
              + since
              + " is in "
              + file.path()
              + " and in an image below it; a snapshot was put on top while the VM ran, and only a"
              + " running VM can put the two together");
    }
    Optional<EndMark> end = EndMark.beside(since, file.qcow2());
    OptionalLong size = marking.sizeAt(key(), since);
    if (end.isEmpty() && size.isEmpty()) {
      return new ChangedAnswer.Reset(
          "bitmap " + since + " in " + file.path() + " is without the one that marks its end");
    }
    return end.isPresent() ? changed(since, end.get(), visitor) : grown(since, size, visitor);
  }

  private ChangedAnswer changed(ChangeId since, EndMark end, ExtentVisitor visitor)
      throws IOException {
    try (NbdConnection connection =
        server.connect(List.of(context(since), end.context(), NbdExtents.ALLOCATION))) {
      if (!end.isWhole(connection)) {
        return new ChangedAnswer.Reset(
            file.path() + " was made smaller since " + since + ", which cuts its bitmaps");
      }
      NbdExtents.dirty(connection, since.value(), visitor);
      end.unmarked(file, visitor);
    }
    return new ChangedAnswer.Known();
  }

  /** Without an end mark only the size tells whether the disk was resized. */
  private ChangedAnswer grown(ChangeId since, OptionalLong sizeThen, ExtentVisitor visitor)
      throws IOException {
    try (NbdConnection connection =
        server.connect(List.of(context(since), NbdExtents.ALLOCATION))) {
      NbdExtents.dirty(connection, since.value(), visitor);
    }
    GrownDisk.unmarked(sizeThen.getAsLong(), file.sizeBytes(), visitor);
    return new ChangedAnswer.Known();
  }

  @Override
  public BlockReader open(int blocksInFlight) throws IOException {
    return NbdReader.open(server.uri(), 1, blocksInFlight);
  }

  @Override
  public DiskHandle handle() throws SourceException {
    return file.handle(mark.value());
  }

  @Override
  public void close() {
    server.close();
  }
}
