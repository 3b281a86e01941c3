package dev.backstep.source.file;

import dev.backstep.domain.ChangeId;
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
 * @param backed whether it has a backing file
 */
record QemuImage(
    Path path,
    long virtualSize,
    int clusterSize,
    boolean version2,
    boolean backed,
    List<Bitmap> bitmaps) {

  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** Bytes of disk that one bit of a new bitmap stands for: one cluster of ours. */
  static final int GRANULARITY = 65_536;

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
    JsonNode info = parsed(path, output(path, command));
    JsonNode data = info.path("format-specific").path("data");
    List<Bitmap> bitmaps = new ArrayList<>();
    for (JsonNode bitmap : data.path("bitmaps")) {
      bitmaps.add(Bitmap.of(bitmap));
    }
    return new QemuImage(
        path,
        info.path("virtual-size").asLong(),
        info.path("cluster-size").asInt(),
        data.path("compat").asString("").equals("0.10"),
        info.has("backing-filename"),
        List.copyOf(bitmaps));
  }

  Optional<Bitmap> bitmap(String name) {
    return bitmaps.stream().filter(bitmap -> bitmap.name().equals(name)).findFirst();
  }

  /**
   * Whether a bitmap is in one of the images below this one. What libvirt puts on top of an image
   * for a snapshot gets bitmaps of the same names, which begin empty: neither tells all then.
   */
  boolean isBelow(String name) throws SourceException {
    if (!backed) {
      return false;
    }
    List<String> command =
        List.of("qemu-img", "info", "--backing-chain", "--output=json", "-f", "qcow2", plain(path));
    boolean top = true;
    for (JsonNode layer : parsed(path, output(path, command))) {
      for (JsonNode bitmap : layer.path("format-specific").path("data").path("bitmaps")) {
        if (!top && Bitmap.of(bitmap).name().equals(name)) {
          return true;
        }
      }
      top = false;
    }
    return false;
  }

  private static JsonNode parsed(Path path, String output) throws SourceException {
    try {
      return JSON.readTree(output);
    } catch (JacksonException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, path + ": qemu-img info gave no JSON: " + e.getMessage(), e);
    }
  }

  /**
   * Adds the mark of a snapshot.
   *
   * @param end a disk of this one's size whose bitmap marks its end, too
   */
  void addMark(ChangeId mark, Optional<Path> end) throws SourceException {
    if (end.isPresent()) {
      qemuImg(
          path,
          "bitmap --add --disable -f qcow2 -F qcow2 -g "
              + GRANULARITY
              + " --merge "
              + EndBitmaps.BITMAP
              + " -b",
          plain(end.get()),
          plain(path),
          EndMark.of(mark, virtualSize).name());
    }
    qemuImg(path, "bitmap --add -f qcow2 -g " + GRANULARITY, plain(path), mark.value());
  }

  /** Removes what {@link #addMark} added, all of it or what there is. */
  void removeMark(ChangeId mark) throws SourceException {
    for (Bitmap bitmap : read(path).bitmaps()) {
      if (EndMark.markOf(bitmap.name()).equals(mark)) {
        removeBitmap(bitmap.name());
      }
    }
  }

  void removeBitmap(String name) throws SourceException {
    qemuImg(path, "bitmap --remove -f qcow2", plain(path), name);
  }

  /**
   * @param path what it is about
   * @param words command and options, split at spaces
   */
  static void qemuImg(Path path, String words, String... names) throws SourceException {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(List.of(words.split(" ")));
    command.addAll(List.of(names));
    run(path, command);
  }

  private static void run(Path path, List<String> command) throws SourceException {
    BriefLock.outlast(() -> output(path, command));
  }

  private static String output(Path path, List<String> command) throws SourceException {
    ToolRunner.Result result = ToolRunner.run(LIMIT, command);
    if (result.failed()) {
      throw QemuComplaint.about(path, result.errors());
    }
    return result.output();
  }

  /** Absolute, so that no colon in it can be taken for a protocol's name. */
  static String plain(Path path) {
    return path.toAbsolutePath().toString();
  }
}
