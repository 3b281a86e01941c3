package dev.backstep.job.definition;

import static dev.backstep.job.definition.Problems.quoted;

import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.nodes.Node;

/** Reads where the disks come from. */
final class SourceReader {

  private static final List<String> TYPES = List.of("image", "nbd", "libvirt", "vsphere", "qmp");

  /** Types of sources that are not ours; what their fields mean is theirs to say. */
  private static final String FOREIGN = "x-[a-z0-9-]{1,100}";

  private static final Set<String> FORMATS = new LinkedHashSet<>(List.of("qcow2", "raw"));
  private static final Set<String> SCHEMES =
      new LinkedHashSet<>(List.of("nbd", "nbd+unix", "nbds", "nbds+unix"));

  /** How a disk of a QEMU is named. */
  private static final List<String> QEMU_NAMES = List.of("node", "device");

  private static final int KEY_LENGTH_MAX = 200;
  private static final int SETTING_LENGTH_MAX = 4000;
  private static final int URI_LENGTH_MAX = 4096;
  private static final int CONNECTIONS_MAX = 16;
  private static final int DISKS_MAX = 1000;
  private static final Set<String> QUIESCE = new LinkedHashSet<>(List.of("required", "try", "off"));

  /** A daemon of this host; libvirt takes all these for the same one. */
  private static final Pattern DAEMON =
      Pattern.compile("(?i:qemu(?:\\+unix)?):/(?://+)?([^/?]+)/*[?]?");

  /** What no URI stands for, too. */
  private static final String SYSTEM = "qemu:///system";

  private static final int HOOK_SECONDS_MAX = 86_400;

  /** MiB: a pebibyte. */
  private static final int ROOM_MAX = 999_999_999;

  private final Fields fields;
  private final Problems problems;
  private final Paths paths;

  SourceReader(Fields fields, Problems problems, Paths paths) {
    this.fields = fields;
    this.problems = problems;
    this.paths = paths;
  }

  /** What stands for a source that could not be read. */
  static SourceDefinition none() {
    return new SourceDefinition("?", List.of(), Map.of());
  }

  SourceDefinition source() {
    Optional<String> type = fields.requiredText("type").flatMap(SourceReader::type);
    if (type.isEmpty()) {
      // Which other fields are right depends on the type.
      return none();
    }
    return switch (type.get()) {
      case "image", "nbd" -> listed(type.get(), Map.of());
      case "libvirt" -> libvirt();
      case "vsphere" -> new VsphereReader(fields, paths).source();
      case "qmp" -> qmp();
      default -> discovered(type.get());
    };
  }

  private static Optional<String> type(Text text) {
    if (TYPES.contains(text.value()) || text.value().matches(FOREIGN)) {
      return Optional.of(text.value());
    }
    text.problem("one of: " + String.join(", ", TYPES) + DidYouMean.hint(text.value(), TYPES));
    return Optional.empty();
  }

  private SourceDefinition listed(String type, Map<String, String> settings) {
    Map<String, DiskDefinition> disks = new LinkedHashMap<>();
    List<Node> nodes = fields.list("disks");
    fields.refuseOthers();
    if (nodes.isEmpty() || nodes.size() > DISKS_MAX) {
      fields.problem(
          "source '" + type + "' lists " + nodes.size() + " 'disks'; expected 1 to " + DISKS_MAX);
      return none();
    }
    for (Node node : nodes) {
      Fields.of(node, "a disk", problems)
          .flatMap(disk -> disk(type, disk))
          .ifPresent(disk -> add(disks, disk, node));
    }
    return new SourceDefinition(type, new ArrayList<>(disks.values()), settings);
  }

  private Optional<DiskDefinition> disk(String type, Fields disk) {
    return switch (type) {
      case "image" -> image(disk);
      case "nbd" -> nbd(disk);
      default -> qemu(disk);
    };
  }

  private void add(Map<String, DiskDefinition> disks, DiskDefinition disk, Node node) {
    String key = disk.key().value();
    disks.values().stream()
        .filter(other -> other.location().equals(disk.location()))
        .findFirst()
        .ifPresent(other ->
            problems.at(
                node.getStartMark(),
                "disk " + quoted(key) + " is the same place as " + quoted(other.key().value())));
    if (disks.putIfAbsent(key, disk) != null) {
      problems.at(
          node.getStartMark(),
          "disk key " + quoted(key) + " stands twice; each disk needs its own, and keeps it");
    }
  }

  private Optional<DiskDefinition> image(Fields disk) {
    Optional<DiskKey> key = key(disk);
    Optional<String> path = disk.requiredText("path").flatMap(paths::absolute);
    Map<String, String> settings = new LinkedHashMap<>();
    disk.text("format")
        .flatMap(text -> oneOf(text, FORMATS))
        .ifPresent(format -> settings.put("format", format));
    disk.refuseOthers();
    return together(key, path, settings);
  }

  private Optional<DiskDefinition> nbd(Fields disk) {
    Optional<DiskKey> key = key(disk);
    Optional<String> uri = disk.requiredText("uri").flatMap(SourceReader::uri);
    Map<String, String> settings = new LinkedHashMap<>();
    disk.text("change-id")
        .flatMap(text -> text.line(ChangeId.LENGTH_MAX))
        .ifPresent(id -> settings.put("change-id", id));
    disk.text("connections")
        .flatMap(text -> text.number(1, CONNECTIONS_MAX))
        .ifPresent(count -> settings.put("connections", count.toString()));
    disk.text("snapshot")
        .flatMap(text -> text.line(SETTING_LENGTH_MAX))
        .ifPresent(snapshot -> settings.put("snapshot", snapshot));
    disk.refuseOthers();
    return together(key, uri, settings);
  }

  /** A disk of a running QEMU: one name, of a node or of a device, is where it is. */
  private Optional<DiskDefinition> qemu(Fields disk) {
    Optional<DiskKey> key = key(disk);
    List<String> said = QEMU_NAMES.stream().filter(disk::has).toList();
    Optional<String> name = Optional.empty();
    for (String kind : QEMU_NAMES) {
      Optional<String> found = disk.text(kind).flatMap(text -> text.line(KEY_LENGTH_MAX));
      name = name.or(() -> found.map(value -> kind + ":" + value));
    }
    Map<String, String> settings = new LinkedHashMap<>();
    disk.text("path").flatMap(paths::absolute).ifPresent(path -> settings.put("path", path));
    disk.refuseOthers();
    if (said.size() != 1) {
      disk.problem(
          "a disk of source 'qmp' is named by "
              + (said.isEmpty() ? "nothing" : String.join(" and ", said))
              + "; expected exactly one of: "
              + String.join(", ", QEMU_NAMES));
      return Optional.empty();
    }
    return together(key, name, settings);
  }

  private static Optional<DiskKey> key(Fields disk) {
    return disk.requiredText("key").flatMap(text -> text.line(KEY_LENGTH_MAX)).map(DiskKey::new);
  }

  private static Optional<DiskDefinition> together(
      Optional<DiskKey> key, Optional<String> location, Map<String, String> settings) {
    return key.flatMap(found -> location.map(at -> new DiskDefinition(found, at, settings)));
  }

  private static Optional<String> oneOf(Text text, Set<String> accepted) {
    if (accepted.contains(text.value())) {
      return Optional.of(text.value());
    }
    text.problem(
        "one of: " + String.join(", ", accepted) + DidYouMean.hint(text.value(), accepted));
    return Optional.empty();
  }

  /** An NBD URI as it stands; reports anything else. */
  static Optional<String> uri(Text text) {
    Optional<String> line = text.line(URI_LENGTH_MAX);
    if (line.isEmpty()) {
      return line;
    }
    try {
      String scheme = new URI(line.get()).getScheme();
      if (scheme != null && SCHEMES.contains(scheme)) {
        return line;
      }
    } catch (URISyntaxException e) {
      text.problem("an NBD URI: " + e.getReason() + " at its character " + (e.getIndex() + 1));
      return Optional.empty();
    }
    text.problem("an NBD URI such as nbd://host:10809/export or nbd+unix:///export?socket=/path");
    return Optional.empty();
  }

  private SourceDefinition libvirt() {
    refuseDisks("libvirt");
    Map<String, String> settings = new LinkedHashMap<>();
    new SelectionReader(fields, settings).read();
    fields
        .text("uri")
        .flatMap(text -> text.line(URI_LENGTH_MAX))
        .map(SourceReader::daemon)
        .filter(uri -> !uri.equals(SYSTEM))
        .ifPresent(uri -> settings.put("uri", uri));
    scratch(settings);
    fields
        .text("quiesce")
        .flatMap(text -> oneOf(text, QUIESCE))
        .ifPresent(quiesce -> settings.put("quiesce", quiesce));
    for (String hook : List.of("before-snapshot", "after-snapshot")) {
      fields
          .text(hook)
          .flatMap(text -> text.line(SETTING_LENGTH_MAX))
          .ifPresent(command -> settings.put(hook, command));
    }
    fields
        .text("hook-limit-seconds")
        .flatMap(text -> text.number(1, HOOK_SECONDS_MAX))
        .ifPresent(limit -> settings.put("hook-limit-seconds", limit.toString()));
    fields.refuseOthers();
    return new SourceDefinition("libvirt", List.of(), settings);
  }

  /** In one spelling, so that definitions of one daemon's VMs can be told to be that. */
  private static String daemon(String uri) {
    Matcher local = DAEMON.matcher(uri);
    return local.matches() ? "qemu:///" + local.group(1) : uri;
  }

  private SourceDefinition qmp() {
    Map<String, String> settings = new LinkedHashMap<>();
    fields
        .requiredText("socket")
        .flatMap(paths::absolute)
        .ifPresent(socket -> settings.put("socket", socket));
    scratch(settings);
    return listed("qmp", settings);
  }

  /** What sources of running VMs have in common. */
  private void scratch(Map<String, String> settings) {
    fields
        .text("scratch")
        .flatMap(paths::absolute)
        .ifPresent(path -> settings.put("scratch", path));
    fields
        .text("scratch-room-mib")
        .flatMap(text -> text.number(0, ROOM_MAX))
        .ifPresent(room -> settings.put("scratch-room-mib", room.toString()));
    fields
        .text("connections")
        .flatMap(text -> text.number(1, CONNECTIONS_MAX))
        .ifPresent(count -> settings.put("connections", count.toString()));
  }

  private void refuseDisks(String type) {
    if (fields.has("disks")) {
      fields.list("disks");
      fields.problem(
          "source '" + type + "' finds its disks itself; name those to leave out in 'exclude'");
    }
  }

  private SourceDefinition discovered(String type) {
    refuseDisks(type);
    Map<String, String> settings = new LinkedHashMap<>();
    fields
        .remainingTexts()
        .forEach((name, text) ->
            text.line(SETTING_LENGTH_MAX).ifPresent(value -> settings.put(name, value)));
    return new SourceDefinition(type, List.of(), settings);
  }
}
