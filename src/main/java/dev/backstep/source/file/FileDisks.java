package dev.backstep.source.file;

import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.MarkName;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The disks of a VM that does not run. The snapshot is nothing but a new bitmap in each qcow2 file
 * and a lock on every file: nobody may write while it is open, and whether somebody wrote after it
 * was left is what the bitmap tells.
 */
public final class FileDisks implements VmSource {

  /**
   * Magic and version, big endian: the image's first bytes, which never change while it is used.
   */
  private static final int QCOW2_HEAD_BYTES = 8;

  private static final int QCOW2_MAGIC = 0x514649fb;

  private final List<DiskDefinition> disks;
  private final Path runFolder;
  private final Marking marking;

  public FileDisks(List<DiskDefinition> disks, Path runFolder, Marking marking) {
    this.disks = List.copyOf(disks);
    this.runFolder = runFolder;
    this.marking = marking;
  }

  /**
   * Whether a qcow2 file, in use or not, is of a version that keeps bitmaps.
   *
   * @throws SourceException when it cannot be looked at
   */
  public static boolean keepsBitmaps(Path path) throws SourceException {
    ByteBuffer head = ByteBuffer.allocate(QCOW2_HEAD_BYTES);
    try (ReadOnlyFile file = ReadOnlyFile.open(path)) {
      file.read(head, 0);
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, path + ": cannot be looked at: " + e.getMessage(), e);
    }
    boolean version2 =
        !head.hasRemaining() && head.getInt(0) == QCOW2_MAGIC && head.getInt(Integer.BYTES) == 2;
    return !version2;
  }

  @Override
  public Snapshot snapshot(SnapshotRequest request) throws SourceException {
    List<Marked> files = new ArrayList<>();
    for (ImageFile file : Together.each(included(request.exclude()), ImageFile::inspect)) {
      files.add(new Marked(file, marking.next(request)));
    }
    List<ImageDisk> opened = new CopyOnWriteArrayList<>();
    try {
      mark(files);
      List<ImageDisk> all =
          Together.each(
              files,
              disk -> {
                ImageDisk open =
                    ImageDisk.open(
                        disk.file(), disk.mark(), since(request, disk.file()), marking, runFolder);
                opened.add(open);
                return open;
              });
      return new ImageSnapshot(Instant.now(), all);
    } catch (SourceException | RuntimeException e) {
      opened.forEach(ImageDisk::close);
      unmark(files, e);
      throw e;
    }
  }

  private List<DiskDefinition> included(Set<DiskKey> exclude) {
    return disks.stream().filter(disk -> !exclude.contains(disk.key())).toList();
  }

  private void mark(List<Marked> files) throws SourceException {
    List<Marked> markable = markable(files);
    List<Long> sizes =
        marking.withEnd()
            ? markable.stream().map(disk -> disk.file().sizeBytes()).toList()
            : List.of();
    try (EndBitmaps ends = EndBitmaps.make(sizes, runFolder)) {
      Together.each(
          markable,
          disk -> {
            disk.file().qcow2().addMark(disk.mark(), ends.of(disk.file().sizeBytes()));
            return disk;
          });
    }
  }

  /** Each of them, also where its mark was not made: a part of it may have been. */
  private static void unmark(List<Marked> files, Exception why) {
    try {
      Together.each(
          markable(files),
          disk -> {
            disk.file().qcow2().removeMark(disk.mark());
            return disk;
          });
    } catch (SourceException left) {
      why.addSuppressed(left);
    }
  }

  private static List<Marked> markable(List<Marked> files) {
    return files.stream().filter(disk -> disk.file().canBeMarked()).toList();
  }

  private static Optional<ChangeId> since(SnapshotRequest request, ImageFile file) {
    return Optional.ofNullable(request.since().get(file.key()));
  }

  /** A disk's file and its own mark, so that no disk can be asked about another one's. */
  private record Marked(ImageFile file, ChangeId mark) {}

  @Override
  public Snapshot reattach(SnapshotRequest request, String handle)
      throws SnapshotGoneException, SourceException {
    DiskHandle.All all = DiskHandle.All.parse(handle);
    List<ImageDisk> opened = new ArrayList<>();
    try {
      for (DiskHandle disk : all.disks()) {
        ImageFile file = ImageFile.inspect(definition(disk));
        file.requireUnwritten(disk, marking.withEnd());
        ChangeId mark = new ChangeId(disk.mark() == null ? "none" : disk.mark());
        opened.add(ImageDisk.reopen(file, mark, since(request, file), marking, runFolder));
      }
      return new ImageSnapshot(all.at(), opened);
    } catch (SnapshotGoneException | SourceException | RuntimeException e) {
      opened.forEach(ImageDisk::close);
      throw e;
    }
  }

  private DiskDefinition definition(DiskHandle handle) throws SnapshotGoneException {
    return disks.stream()
        .filter(disk -> disk.key().value().equals(handle.key()))
        .filter(disk -> Path.of(disk.location()).equals(Path.of(handle.path())))
        .findFirst()
        .orElseThrow(() ->
            new SnapshotGoneException(
                "disk "
                    + handle.key()
                    + " at "
                    + handle.path()
                    + " is not in the job definition any more"));
  }

  @Override
  public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep)
      throws SourceException {
    List<DiskDefinition> there =
        disks.stream()
            .filter(disk -> keep.containsKey(disk.key()))
            .filter(disk -> Files.exists(Path.of(disk.location())))
            .toList();
    Together.each(
        there,
        disk -> {
          release(
              ImageFile.inspect(disk), repository, Objects.requireNonNull(keep.get(disk.key())));
          return disk;
        });
  }

  @Override
  public Map<DiskKey, Long> sizes(Set<DiskKey> exclude) throws SourceException {
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    List<DiskDefinition> included = included(exclude);
    Iterator<Long> each = Together.each(included, ImageFile::sizeBytes).iterator();
    included.forEach(disk -> sizes.put(disk.key(), each.next()));
    return sizes;
  }

  private static void release(ImageFile file, RepositoryId repository, Set<ChangeId> needed)
      throws SourceException {
    if (!file.canBeMarked()) {
      return;
    }
    for (QemuImage.Bitmap bitmap : file.qcow2().bitmaps()) {
      String name = bitmap.name();
      if (MarkName.belongsTo(repository, name) && !needed.contains(EndMark.markOf(name))) {
        file.qcow2().removeBitmap(name);
      }
    }
  }
}
