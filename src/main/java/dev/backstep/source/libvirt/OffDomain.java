package dev.backstep.source.libvirt;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.MarkName;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import dev.backstep.source.file.FileDisks;
import dev.backstep.source.file.Marking;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A domain that is off. Its qcow2 files hold the bitmaps of libvirt's checkpoints; a new one is
 * made in the files and then made known to libvirt, so that a backup of the running domain can
 * follow on.
 */
final class OffDomain {

  private final HypervisorControl control;
  private final Domain domain;
  private final Path runFolder;

  OffDomain(HypervisorControl control, Domain domain, Path runFolder) {
    this.control = control;
    this.domain = domain;
    this.runFolder = runFolder;
  }

  /** One mark for all disks: a checkpoint's bitmaps all have its name. */
  private static final class OneMark implements Marking {

    private final ChangeId mark;
    private final Map<ChangeId, Checkpoint> known;

    OneMark(ChangeId mark, Map<ChangeId, Checkpoint> known) {
      this.mark = mark;
      this.known = known;
    }

    @Override
    public ChangeId next(SnapshotRequest request) {
      return mark;
    }

    @Override
    public boolean withEnd() {
      return false;
    }

    @Override
    public OptionalLong sizeAt(DiskKey disk, ChangeId at) {
      Checkpoint checkpoint = known.get(at);
      return checkpoint == null ? OptionalLong.empty() : checkpoint.sizeOf(disk);
    }
  }

  private FileDisks files(Marking marking) {
    return new FileDisks(definitions(), runFolder, marking);
  }

  private List<DiskDefinition> definitions() {
    List<DiskDefinition> definitions = new ArrayList<>();
    for (Domain.Disk disk : domain.disks()) {
      if (disk.isFile()) {
        definitions.add(
            new DiskDefinition(disk.key(), disk.location(), Map.of("format", disk.format())));
      }
    }
    return definitions;
  }

  private void requireFiles(SnapshotRequest request) throws SourceException {
    for (Domain.Disk disk : domain.disks()) {
      boolean readable = disk.isQcow2() || disk.format().equals("raw");
      if (!request.exclude().contains(disk.key()) && !(disk.isFile() && readable)) {
        throw new SourceException(
            SourceException.Kind.FAILED,
            "disk "
                + disk.key()
                + " of "
                + domain.name()
                + ": a "
                + disk.type()
                + " disk in format "
                + disk.format()
                + " can be read only while the domain runs; start it, or exclude the disk");
      }
    }
  }

  private Map<ChangeId, Checkpoint> known(SnapshotRequest request) throws SourceException {
    List<String> names = control.checkpoints(domain.uuid());
    Map<ChangeId, Checkpoint> known = new HashMap<>();
    for (ChangeId mark : Set.copyOf(request.since().values())) {
      if (names.contains(mark.value())) {
        known.put(mark, Checkpoint.parse(control.checkpoint(domain.uuid(), mark.value(), false)));
      }
    }
    return known;
  }

  Snapshot snapshot(SnapshotRequest request) throws SourceException {
    requireFiles(request);
    ChangeId mark = MarkName.next(request.repository(), request.backup());
    FileDisks files = files(new OneMark(mark, known(request)));
    Snapshot opened = files.snapshot(request);
    try {
      String definition = control.definition(domain.uuid(), HypervisorControl.View.PERSISTENT);
      makeKnown(opened, mark, definition);
      Handle handle =
          new Handle(domain.uuid(), opened.takenAt().toString(), null, List.of(), opened.handle());
      return new OffSnapshot(
          handle, opened, LibvirtSource.vmDefinition(definition, "the domain was off"));
    } catch (SourceException | RuntimeException e) {
      opened.close();
      undo(files, request, e);
      throw e;
    }
  }

  private void makeKnown(Snapshot opened, ChangeId mark, String definition) throws SourceException {
    Map<DiskKey, Long> sizes = new LinkedHashMap<>();
    for (SourceDisk disk : opened.disks()) {
      if (disk.changeId().isPresent()) {
        sizes.put(disk.key(), disk.sizeBytes());
      }
    }
    if (!sizes.isEmpty()) {
      control.redefineCheckpoint(
          domain.uuid(),
          new Checkpoint(mark, sizes).redefinition(domain, definition, opened.takenAt()));
    }
  }

  private void undo(FileDisks files, SnapshotRequest request, Exception cause) {
    try {
      files.releaseMarks(request.repository(), keep(Set.copyOf(request.since().values())));
    } catch (SourceException left) {
      cause.addSuppressed(left);
    }
  }

  Snapshot reattach(SnapshotRequest request, Handle handle, HypervisorControl.State state)
      throws SnapshotGoneException, SourceException {
    if (state != HypervisorControl.State.SHUT_OFF) {
      throw new SnapshotGoneException(domain.name() + " was started since the snapshot");
    }
    Marking marking = new OneMark(new ChangeId("none"), known(request));
    return new OffSnapshot(
        handle, files(marking).reattach(request, Objects.requireNonNull(handle.files())), Map.of());
  }

  /** Removes bitmaps of ours that are not needed. */
  void release(RepositoryId repository, Set<ChangeId> needed) throws SourceException {
    files(new OneMark(new ChangeId("none"), Map.of())).releaseMarks(repository, keep(needed));
  }

  private Map<DiskKey, Set<ChangeId>> keep(Set<ChangeId> needed) {
    Map<DiskKey, Set<ChangeId>> keep = new HashMap<>();
    domain.disks().forEach(disk -> keep.put(disk.key(), needed));
    return keep;
  }
}
