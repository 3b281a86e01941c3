package dev.backstep.source.file;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ChangeId;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdExtents;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A switched-off bitmap beside each mark, {@code <mark>.end-<bytes>}, in which the disk's last
 * granule is dirty. When a disk is made smaller, QEMU cuts its bitmaps; when it is made larger
 * again, they are clean there, though what was there is lost. This one is not clean at its end as
 * long as that has not happened.
 *
 * @param sizeBytes the disk's size when the mark was made
 */
public record EndMark(String name, long sizeBytes) {

  private static final Pattern NAME = Pattern.compile("(.+)\\.end-([0-9]{1,18})");

  /** The one that is made together with a mark. */
  public static EndMark of(ChangeId mark, long sizeBytes) {
    return new EndMark(mark + ".end-" + sizeBytes, sizeBytes);
  }

  /** The one in a file beside a mark, if it can be trusted. */
  static Optional<EndMark> beside(ChangeId mark, QemuImage image) {
    return beside(
        mark,
        image.bitmaps().stream()
            .filter(bitmap -> !bitmap.inUse() && !bitmap.recording())
            .map(QemuImage.Bitmap::name));
  }

  /**
   * The one beside a mark.
   *
   * @param names of bitmaps that are whole and record nothing
   */
  public static Optional<EndMark> beside(ChangeId mark, Stream<String> names) {
    return names
        .map(NAME::matcher)
        .filter(name -> name.matches() && name.group(1).equals(mark.value()))
        .map(name -> of(mark, Long.parseLong(name.group(2))))
        .findFirst();
  }

  /** The mark that a bitmap belongs to: itself, or the one whose end it marks. */
  public static ChangeId markOf(String bitmap) {
    Matcher name = NAME.matcher(bitmap);
    return new ChangeId(name.matches() ? name.group(1) : bitmap);
  }

  /** The context by which a server shows it. */
  String context() {
    return NbdExtents.DIRTY_BITMAP + name;
  }

  /** Whether the disk was never smaller since. */
  boolean isWhole(NbdConnection connection) throws IOException {
    AtomicBoolean whole = new AtomicBoolean();
    NbdExtents.dirty(connection, name, (offset, length, kind) -> whole.set(true));
    return whole.get();
  }

  /**
   * Reports what QEMU may have changed without marking it when it resized the disk: the last
   * granule, and where the disk has grown the rest of its last cluster.
   */
  void unmarked(ImageFile file, ExtentVisitor visitor) {
    unmarked(file.sizeBytes(), file.qcow2().clusterSize(), file.qcow2().backed(), visitor);
  }

  /**
   * As the other one.
   *
   * @param now the disk's size in bytes
   * @param clusterBytes size of a cluster of its image
   * @param backed whether that has a backing image
   */
  public void unmarked(long now, long clusterBytes, boolean backed, ExtentVisitor visitor) {
    long granule = QemuImage.GRANULARITY;
    long cluster = Math.max(granule, clusterBytes);
    boolean zeroed = backed || clusterBytes < granule;
    long start = (sizeBytes - (zeroed ? 1 : 0)) / granule * granule;
    long end = Math.min(now, Math.ceilDiv(sizeBytes, cluster) * cluster);
    if (end > start) {
      visitor.extent(start, end - start, ExtentKind.DATA);
    }
  }
}
