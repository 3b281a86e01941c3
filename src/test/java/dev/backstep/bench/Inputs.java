package dev.backstep.bench;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Makes the disks that are measured, from a fixed seed. */
final class Inputs {

  private static final int MIB = 1 << 20;

  private final Path folder;
  private final Random random = new Random(42);
  private final byte[] text = text();

  Inputs(Path folder) {
    this.folder = folder;
  }

  private byte[] text() {
    String[] words = new String[3000];
    Arrays.setAll(words, i -> Long.toString(Math.abs(random.nextLong()) % 100_000_000, 36));
    StringBuilder text = new StringBuilder();
    while (text.length() < 8 * MIB) {
      text.append(words[(int) (Math.pow(random.nextDouble(), 2) * words.length)]).append(' ');
    }
    return text.substring(0, 8 * MIB).getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * A raw disk of which about half is data: random and text, some zeros that are allocated, holes.
   */
  Path raw(String name, int mib) throws IOException {
    Path disk = folder.resolve(name);
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength((long) mib * MIB);
      int at = 0;
      while (at < mib) {
        int length = Math.min(mib - at, 1 + random.nextInt(16));
        double kind = random.nextDouble();
        file.seek((long) at * MIB);
        if (kind < 0.27) {
          for (int i = 0; i < length; i++) {
            byte[] bytes = new byte[MIB];
            random.nextBytes(bytes);
            file.write(bytes);
          }
        } else if (kind < 0.51) {
          for (int i = 0; i < length; i++) {
            file.write(text, random.nextInt(7) * MIB, MIB);
          }
        } else if (kind < 0.545) {
          file.write(new byte[length * MIB]);
        }
        at += length;
      }
      file.getFD().sync();
    }
    return disk;
  }

  /** Writes pieces of data all over a qcow2 disk. */
  void change(Path qcow2, int mib, int count, int bytesMin, int bytesMax) throws IOException {
    Path data = folder.resolve("change.bin");
    byte[] bytes = new byte[bytesMax];
    random.nextBytes(bytes);
    Files.write(data, bytes);
    List<Object> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
    for (int i = 0; i < count; i++) {
      int length = (bytesMin + random.nextInt(bytesMax - bytesMin + 1)) / 4096 * 4096;
      long at = (long) random.nextInt(mib - 1) * MIB + random.nextInt(256) * 4096L;
      command.add("-c");
      command.add("write -q -s " + data + " " + at + " " + length);
      if (command.size() > 900) {
        command.add(qcow2);
        Tool.run(command.toArray());
        command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
      }
    }
    command.add(qcow2);
    Tool.run(command.toArray());
    Files.delete(data);
  }
}
