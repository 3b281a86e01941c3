package dev.backstep.cli;

import dev.backstep.blockio.DiskLock;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.source.ToolRunner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Looks at disks that a definition lists: readable, not in use, tracked or not. */
final class DiskCheck {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration LIMIT = Duration.ofSeconds(15);
  private static final String ALL_READ = "each backup reads all of it";

  private DiskCheck() {}

  /** A file or block device of a VM that is not running. */
  static String image(DiskDefinition disk) throws IOException {
    Path path = Path.of(disk.location());
    if (!Files.isReadable(path)) {
      throw new IOException(
          path
              + (Files.exists(path)
                  ? ": cannot be read; check its permissions"
                  : ": there is no such file; correct the definition"));
    }
    DiskLock.shared(path).close();
    JsonNode info = info(path.toString());
    String format = info.path("format").asString("?");
    refuseOtherFormat(path, disk, format);
    return path
        + ", "
        + format
        + ", "
        + Sizes.bytes(info.path("virtual-size").asLong(0))
        + "; "
        + (format.equals("qcow2") ? tracking(path, info) : untracked(format));
  }

  private static void refuseOtherFormat(Path path, DiskDefinition disk, String format)
      throws IOException {
    Optional<String> said = Optional.ofNullable(disk.settings().get("format"));
    if (said.isPresent() && !said.get().equals(format)) {
      throw new IOException(
          path
              + ": is "
              + format
              + ", the definition says "
              + said.get()
              + "; correct one of them");
    }
    if (!format.equals("qcow2") && !format.equals("raw")) {
      throw new IOException(path + ": is " + format + ", expected qcow2 or raw");
    }
  }

  private static String tracking(Path path, JsonNode info) {
    JsonNode own = info.path("format-specific").path("data");
    if (own.path("compat").asString("").equals("0.10")) {
      return "qcow2 version 2 cannot track changes, so "
          + ALL_READ
          + "; to change that, with the VM off: qemu-img amend -o compat=1.1 "
          + path;
    }
    if (!Files.isWritable(path)) {
      return "cannot be written, so changes cannot be tracked and " + ALL_READ;
    }
    int bitmaps = own.path("bitmaps").size();
    return "changes can be tracked" + (bitmaps == 0 ? "" : ", dirty bitmaps in it: " + bitmaps);
  }

  private static String untracked(String format) {
    return format
        + " cannot track changes, so "
        + ALL_READ
        + "; cbt-reset: compare stores only what differs";
  }

  /** An NBD export; only asked whether it is there. */
  static String nbd(DiskDefinition disk) throws IOException {
    JsonNode info = info("-f", "raw", "-U", disk.location());
    return disk.location()
        + ", "
        + Sizes.bytes(info.path("virtual-size").asLong(0))
        + (disk.settings().containsKey("change-id")
            ? ", its change id is in the definition"
            : "; no change-id in the definition, so " + ALL_READ);
  }

  private static JsonNode info(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-img", "info", "--output=json"));
    command.addAll(List.of(arguments));
    ToolRunner.Result result = ToolRunner.run(LIMIT, command);
    if (result.failed()) {
      throw new IOException(result.errors());
    }
    return JSON.readTree(result.output());
  }
}
