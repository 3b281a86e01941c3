package dev.backstep.backup;

import dev.backstep.blockio.OpenParts;
import dev.backstep.nbd.ExportServer;
import dev.backstep.nbd.ServedDisk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The disks of a restore point as exports {@code disk-<n>} on a unix socket, for as long as it is
 * open. Nothing is copied, and the images stay as they are.
 */
public final class ServedPoint implements Closeable {

  /**
   * One of them.
   *
   * @param sizeBytes the disk's exact size
   */
  public record Disk(int diskId, Path image, long sizeBytes) {

    /** The export's name. */
    public String export() {
      return "disk-" + diskId;
    }
  }

  private final OpenParts opened = new OpenParts();
  private final List<Disk> disks;
  private final Path socket;

  private ServedPoint(List<Disk> disks, Path socket) {
    this.disks = List.copyOf(disks);
    this.socket = socket;
  }

  /**
   * @param socket where it listens; removed at the end
   * @param scratch the folder for what clients write, which is thrown away; they may only read when
   *     empty
   * @param log is told of connections that end with an error
   */
  public static ServedPoint open(
      List<Disk> disks, Path socket, Optional<Path> scratch, Consumer<String> log)
      throws IOException {
    ServedPoint point = new ServedPoint(disks, socket);
    try {
      Map<String, ServedDisk> exports = new LinkedHashMap<>();
      for (Disk disk : disks) {
        exports.put(disk.export(), point.open(disk, scratch));
      }
      point.opened.add(ExportServer.unix(socket, exports, log));
      return point;
    } catch (IOException | RuntimeException e) {
      point.close();
      throw e;
    }
  }

  private ServedDisk open(Disk disk, Optional<Path> scratch) throws IOException {
    ServedImage image = opened.add(ServedImage.open(disk.image(), disk.sizeBytes()));
    return scratch.isEmpty() ? image : opened.add(ThrowAwayDisk.over(image, scratch.get()));
  }

  public List<Disk> disks() {
    return disks;
  }

  public Path socket() {
    return socket;
  }

  @Override
  public void close() throws IOException {
    opened.close();
  }
}
