package dev.backstep.job.external;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** The disks of a VM as raw files, a guest that writes to them, and a mover that copies. */
public final class TestDisks {

  private static final int CLUSTER_BYTES = 65_536;

  private final Path folder;
  private final Random random;
  private final List<Path> files = new ArrayList<>();

  /** What the guest wrote since the last copy: pairs of offset and length. */
  private final List<List<long[]>> written = new ArrayList<>();

  /**
   * @param sizes of the disks, in bytes
   */
  public TestDisks(Path folder, long seed, long... sizes) throws IOException {
    this.folder = folder;
    this.random = new Random(seed);
    for (long size : sizes) {
      Path file = folder.resolve("disk" + files.size() + ".raw");
      Tool.run("qemu-img", "create", "-q", "-f", "raw", file, size);
      files.add(file);
      written.add(new ArrayList<>());
    }
  }

  /** A job definition of these disks, keys {@code k0}, {@code k1} ... */
  public String definition(String vm) {
    StringBuilder text = new StringBuilder("vm: " + vm + "\nsource:\n  type: image\n  disks:\n");
    for (int i = 0; i < files.size(); i++) {
      text.append("    - { key: k" + i + ", format: raw, path: " + files.get(i) + " }\n");
    }
    return text.append("repository: " + folder.resolve("repository") + "\n").toString();
  }

  public Path file(int diskId) {
    return files.get(diskId);
  }

  /** The guest writes some blocks to a disk. */
  public void live(int diskId) throws IOException {
    Path file = files.get(diskId);
    long size = Files.size(file);
    List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      long at = random.nextLong(size / CLUSTER_BYTES) * CLUSTER_BYTES;
      long length = Math.min(size - at, CLUSTER_BYTES * (1L + random.nextInt(4)));
      written.get(diskId).add(new long[] {at, length});
      command.add("-c");
      command.add(
          random.nextInt(5) == 0
              ? "write -q -z " + at + " " + length
              : "write -q -P " + (1 + random.nextInt(254)) + " " + at + " " + length);
    }
    command.add(file);
    Tool.run(command.toArray());
  }

  /** The mover copies all of a disk. */
  public void copyAll(int diskId, String export) {
    written.get(diskId).clear();
    Path file = files.get(diskId);
    // nbdcopy reads raw files itself; without --flush nothing is forced at the end.
    Tool.run("nbdcopy", "--flush", file, export);
  }

  /** The mover copies what the guest wrote since the last copy. */
  public void copyWritten(int diskId, String export) throws IOException {
    List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
    int number = 0;
    for (long[] range : written.get(diskId)) {
      Path part = folder.resolve("written" + diskId + "-" + number + ".bin");
      number++;
      try (var channel = Files.newByteChannel(files.get(diskId))) {
        var buffer = java.nio.ByteBuffer.allocate((int) range[1]);
        channel.position(range[0]);
        while (buffer.hasRemaining() && channel.read(buffer) >= 0) {}
        Files.write(part, buffer.array());
      }
      command.addAll(List.of("-c", "write -q -s " + part + " " + range[0] + " " + range[1]));
    }
    command.addAll(List.of("-c", "flush", export));
    Tool.run(command.toArray());
    written.get(diskId).clear();
  }
}
