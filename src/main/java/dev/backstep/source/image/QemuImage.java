package dev.backstep.source.image;

import dev.backstep.source.QemuComplaint;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code qemu-img} says of a qcow2 file, and what it does to its bitmaps. Only the file itself
 * counts: a bitmap in a backing file knows nothing of what the overlay changed.
 *
 * @param version2 whether it is a version that cannot keep bitmaps
 */
record QemuImage(Path path, long virtualSize, boolean version2, List<Bitmap> bitmaps) {

  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** Bytes of disk that one bit of a new bitmap stands for: one cluster of ours. */
  private static final String GRANULARITY = "65536";

  /**
   * A persistent dirty bitmap.
   *
   * @param inUse not closed cleanly: its content cannot be trusted
   * @param recording whether writes are marked; somebody may have switched that off
   */
  record Bitmap(String name, boolean inUse, boolean recording) {

    static Bitmap of(JsonNode node) {
      Set<String> flags = new HashSet<>();
      node.path("flags").forEach(flag -> flags.add(flag.asString("")));
      return new Bitmap(
          node.path("name").asString(""), flags.contains("in-use"), flags.contains("auto"));
    }

    /** Whether it tells all that was written. */
    boolean isTrusted() {
      return recording && !inUse;
    }
  }

  static QemuImage read(Path path) throws SourceException {
    return read(path, List.of());
  }

  /** As {@link #read}, of an image that another program may be writing: bitmaps may be wrong. */
  static QemuImage readInUse(Path path) throws SourceException {
    return read(path, List.of("--force-share"));
  }

  private static QemuImage read(Path path, List<String> options) throws SourceException {
    List<String> command = new ArrayList<>(List.of("qemu-img", "info"));
    command.addAll(options);
    command.addAll(List.of("--output=json", "-f", "qcow2", plain(path)));
    ToolRunner.Result result = ToolRunner.run(LIMIT, command);
    if (result.failed()) {
      throw QemuComplaint.about(path, result.errors());
    }
    try {
      JsonNode info = JSON.readTree(result.output());
      JsonNode data = info.path("format-specific").path("data");
      List<Bitmap> bitmaps = new ArrayList<>();
      for (JsonNode bitmap : data.path("bitmaps")) {
        bitmaps.add(Bitmap.of(bitmap));
      }
      return new QemuImage(
          path,
          info.path("virtual-size").asLong(),
          data.path("compat").asString("").equals("0.10"),
          List.copyOf(bitmaps));
    } catch (JacksonException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, path + ": qemu-img info gave no JSON: " + e.getMessage(), e);
    }
  }

  Optional<Bitmap> bitmap(String name) {
    return bitmaps.stream().filter(bitmap -> bitmap.name().equals(name)).findFirst();
  }

  void addBitmap(String name) throws SourceException {
    run("bitmap", "--add", "-g", GRANULARITY, "-f", "qcow2", plain(path), name);
  }

  void removeBitmap(String name) throws SourceException {
    run("bitmap", "--remove", "-f", "qcow2", plain(path), name);
  }

  private void run(String... arguments) throws SourceException {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(List.of(arguments));
    ToolRunner.Result result = ToolRunner.run(LIMIT, command);
    if (result.failed()) {
      throw QemuComplaint.about(path, result.errors());
    }
  }

  /** Absolute, so that no colon in it can be taken for a protocol's name. */
  static String plain(Path path) {
    return path.toAbsolutePath().toString();
  }
}
