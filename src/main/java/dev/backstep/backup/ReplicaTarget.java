package dev.backstep.backup;

import dev.backstep.blockio.DirectFile;
import dev.backstep.blockio.DurableFiles;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.RawFile;
import dev.backstep.domain.Reason;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdExtents;
import dev.backstep.nbd.NbdUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The standing target of a replica as it is found: a raw file, which is made where it is not there,
 * a block device or an NBD export.
 *
 * @param identity what shows that it is the one that it was, and that nobody wrote it; {@link
 *     Identity#NONE} where there is nothing yet
 */
public record ReplicaTarget(DiskTarget target, Identity identity) {

  /**
   * @param inode of a regular file; 0 of anything else
   * @param sizeBytes of file, device or export
   * @param modified when a regular file was last written, nanoseconds since 1970; 0 of anything
   *     else: nothing tells of a device or an export whether somebody wrote it
   */
  public record Identity(DiskTarget.Kind kind, long inode, long sizeBytes, long modified) {

    static final Identity NONE = new Identity(DiskTarget.Kind.EXISTING, 0, 0, 0);

    /** The form that {@link #parse} reads. */
    @Override
    public String toString() {
      return kind.word() + " " + inode + " " + sizeBytes + " " + modified;
    }

    static Identity parse(String text) {
      String[] parts = text.split(" ");
      return new Identity(
          DiskTarget.Kind.valueOf(parts[0].toUpperCase(Locale.ROOT)),
          Long.parseLong(parts[1]),
          Long.parseLong(parts[2]),
          Long.parseLong(parts[3]));
    }

    boolean isFile() {
      return inode != 0;
    }
  }

  /** Why a target does not hold what it is said to hold. */
  record Lost(Reason reason, String cause) {}

  /**
   * Looks at a target without changing it.
   *
   * @throws IOException when it cannot be looked at
   */
  public static ReplicaTarget find(String place) throws IOException {
    DiskTarget target = DiskTarget.onto(place);
    return new ReplicaTarget(target, identity(target));
  }

  private static Identity identity(DiskTarget target) throws IOException {
    if (target.kind() == DiskTarget.Kind.NBD) {
      try (NbdConnection connection = connect(target, List.of())) {
        return new Identity(target.kind(), 0, connection.export().sizeBytes(), 0);
      }
    }
    Path path = Path.of(target.place());
    if (!Files.exists(path)) {
      return Identity.NONE;
    }
    if (!Files.isRegularFile(path)) {
      return new Identity(target.kind(), 0, RawFile.sizeBytes(path), 0);
    }
    Map<String, Object> all = Files.readAttributes(path, "unix:ino,size,lastModifiedTime");
    return new Identity(
        target.kind(),
        ((Number) Objects.requireNonNull(all.get("ino"))).longValue(),
        ((Number) Objects.requireNonNull(all.get("size"))).longValue(),
        ((FileTime) Objects.requireNonNull(all.get("lastModifiedTime"))).to(TimeUnit.NANOSECONDS));
  }

  private static NbdConnection connect(DiskTarget target, List<String> contexts)
      throws IOException {
    try {
      return NbdConnection.open(
          NbdUri.parse(target.place()), contexts, NbdConnection.STALL_DEFAULT);
    } catch (IllegalArgumentException e) {
      throw new TargetException(String.valueOf(e.getMessage()));
    }
  }

  /** Whether nothing of a disk can be in it. */
  boolean isEmpty() {
    return identity.sizeBytes() == 0;
  }

  /**
   * Why it does not hold what a run has left there; empty when nothing speaks against it.
   *
   * @param place the target of that run
   * @param left as the last run that came to its end left it; empty when that is not known
   * @param whole whether no run has begun to write it since
   */
  Optional<Lost> lost(String place, Optional<String> left, boolean whole) {
    if (!DiskTarget.onto(place).equals(target)) {
      return Optional.of(new Lost(Reason.BASE_MISSING, "the target was " + place + " before"));
    }
    if (isEmpty()) {
      return Optional.of(new Lost(Reason.BASE_MISSING, target.place() + " is not there any more"));
    }
    if (!isSame(left)) {
      return Optional.of(
          new Lost(Reason.BASE_MISSING, target.place() + " is another one than it was"));
    }
    return left.filter(known -> whole).map(Identity::parse).flatMap(this::written);
  }

  /**
   * Whether it is the file, device or export that a run has left, whatever is in it.
   *
   * @param left as that run left it; anything is the same as what is not known
   */
  public boolean isSame(Optional<String> left) {
    return left.map(Identity::parse)
        .filter(known -> known.inode() != identity.inode() || known.kind() != identity.kind())
        .isEmpty();
  }

  private Optional<Lost> written(Identity left) {
    boolean cut = identity.sizeBytes() < left.sizeBytes();
    boolean written =
        identity.isFile()
            && (identity.modified() != left.modified() || identity.sizeBytes() != left.sizeBytes());
    return cut || written
        ? Optional.of(
            new Lost(
                Reason.BASE_FAILED_VERIFY,
                target.place()
                    + (cut ? " is smaller than it was left" : " was written by somebody else")))
        : Optional.empty();
  }

  /**
   * Makes it ready to be written, a file that is not there included.
   *
   * @param own whether a run has written it before: a file that is longer than the disk is cut
   *     then, else it is taken for another disk's
   * @throws TargetException when it cannot take the disk; nothing of it is changed then
   */
  void prepare(long sizeBytes, boolean own) throws IOException {
    boolean path = target.kind() != DiskTarget.Kind.NBD;
    if (path && !Files.exists(Path.of(target.place()))) {
      make(Path.of(target.place()));
    }
    if (!own || !identity.isFile()) {
      TargetCheck.check(target, sizeBytes);
    }
  }

  private static void make(Path file) throws IOException {
    Path folder = file.getParent();
    if (folder != null) {
      DurableFiles.createFolders(folder);
    }
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try (DirectFile made = DirectFile.create(partial)) {
      made.force();
    }
    DurableFiles.publish(partial, file);
  }

  /** Reports where a target holds data; all of it where nothing can tell. */
  static void allocated(DiskTarget target, ExtentVisitor visitor) throws IOException {
    if (target.kind() != DiskTarget.Kind.NBD) {
      RawFile.allocated(Path.of(target.place()), visitor);
      return;
    }
    try (NbdConnection connection = connect(target, List.of(NbdExtents.ALLOCATION))) {
      NbdExtents.allocated(connection, visitor);
    }
  }
}
