package dev.backstep.testing;

import static java.util.Map.entry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Real command line tools; a missing one fails the test with the Debian package that has it. */
public final class Tool {

  private static final Map<String, String> PACKAGES =
      Map.ofEntries(
          entry("qemu-img", "qemu-utils"),
          entry("qemu-nbd", "qemu-utils"),
          entry("qemu-io", "qemu-utils"),
          entry("nbdcopy", "libnbd-bin"),
          entry("nbdinfo", "libnbd-bin"),
          entry("nbdkit", "nbdkit"),
          entry("mkfs.ext4", "e2fsprogs"),
          entry("mkfs.xfs", "xfsprogs"),
          entry("qemu-system-x86_64", "qemu-system-x86"),
          entry("virsh", "libvirt-clients"),
          entry("libvirtd", "libvirt-daemon"),
          entry("busybox", "busybox-static"),
          entry("cpio", "cpio"));

  private static final int TEXT_MAX = 1500;

  private Tool() {}

  /** How a command ended and what it printed, errors included. */
  public record Result(int status, String output) {}

  /** Runs a command and returns what it printed; fails when it fails. */
  public static String run(Object... command) {
    Result result = tryRun(command);
    if (result.status() != 0) {
      throw new AssertionError(
          shortened(String.join(" ", words(command)))
              + " ended with "
              + result.status()
              + ":\n"
              + shortened(result.output()));
    }
    return result.output();
  }

  private static String shortened(String text) {
    return text.length() <= TEXT_MAX
        ? text
        : text.substring(0, TEXT_MAX) + " ... " + (text.length() - TEXT_MAX) + " characters more";
  }

  /** Runs a command, however it ends. */
  public static Result tryRun(Object... command) {
    List<String> words = words(command);
    try {
      Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), output);
    } catch (IOException e) {
      throw new AssertionError(
          words.getFirst()
              + " cannot be started; install the Debian package "
              + PACKAGES.getOrDefault(words.getFirst(), words.getFirst()),
          e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> words(Object... command) {
    List<String> words = new ArrayList<>();
    for (Object word : command) {
      words.add(word.toString());
    }
    return words;
  }

  /** A program that holds a disk open for writing, as a running VM does; the caller ends it. */
  public static Process writer(Path disk, String format, Path socket)
      throws IOException, InterruptedException {
    Files.deleteIfExists(socket);
    Process process =
        new ProcessBuilder("qemu-nbd", "-t", "-f", format, "-k", socket + "", disk + "")
            .inheritIO()
            .start();
    // Its socket is there before it has opened the disk; it answers behind that.
    while (process.isAlive()
        && tryRun("nbdinfo", "--size", "nbd+unix:///?socket=" + socket).status() != 0) {
      Thread.sleep(10);
    }
    return process;
  }

  /** Fails unless `qemu-img check` finds neither errors nor leaks. */
  public static void checkImage(Path image) {
    run("qemu-img", "check", "-f", "qcow2", image);
  }

  /** Bytes that a file takes on its disk. */
  public static long allocatedBytes(Path file) {
    return Long.parseLong(run("stat", "--format=%b", file).strip()) * 512;
  }

  /** Fails unless two images show the same disk. */
  public static void compare(Path image, String format, Path other, String otherFormat) {
    run("qemu-img", "compare", "-f", format, "-F", otherFormat, image, other);
  }

  /** As {@link #compare}, with a raw disk that an NBD server has at a socket. */
  public static void compareWithExport(Path qcow2, Path socket) {
    run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", qcow2, "nbd+unix:///?socket=" + socket);
  }
}
