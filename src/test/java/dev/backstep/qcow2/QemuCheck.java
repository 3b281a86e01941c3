package dev.backstep.qcow2;

import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code qemu-img check} says of an image.
 *
 * @param checked false when it could not be opened
 * @param output its end
 */
record QemuCheck(
    boolean checked,
    long corruptions,
    long leaks,
    long allocatedClusters,
    long compressedClusters,
    long endBytes,
    String output) {

  /** Kept of its output: it can name millions of clusters of a damaged table. */
  private static final int OUTPUT_MAX = 3000;

  static QemuCheck of(Path image) {
    Tool.Result result = Tool.tryRun("qemu-img", "check", "-f", "qcow2", "--output=json", image);
    String output = result.output();
    return new QemuCheck(
        output.contains("\"check-errors\"") && number(output, "check-errors") == 0,
        number(output, "corruptions"),
        number(output, "leaks"),
        number(output, "allocated-clusters"),
        number(output, "compressed-clusters"),
        number(output, "image-end-offset"),
        output.substring(Math.max(0, output.length() - OUTPUT_MAX)));
  }

  /** A number of its JSON; it leaves out those that are 0. */
  private static long number(String output, String name) {
    Matcher found = Pattern.compile('"' + name + "\": (\\d+)").matcher(output);
    return found.find() ? Long.parseLong(found.group(1)) : 0;
  }
}
