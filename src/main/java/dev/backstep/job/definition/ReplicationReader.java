package dev.backstep.job.definition;

import static dev.backstep.job.definition.Problems.quoted;

import dev.backstep.domain.DiskKey;
import dev.backstep.domain.ReplicationDefinition;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.SourceDefinition;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;

/** Reads where a VM's disks are replicated to. */
final class ReplicationReader {

  /** What a replication does not need: each run makes up for all before it. */
  private static final List<String> FOR_BACKUPS = List.of("window", "retries", "retry-pause");

  private final Fields fields;
  private final Problems problems;
  private final Paths paths;
  private final SourceDefinition source;

  ReplicationReader(Fields fields, Problems problems, Paths paths, SourceDefinition source) {
    this.fields = fields;
    this.problems = problems;
    this.paths = paths;
    this.source = source;
  }

  ReplicationDefinition replication() {
    Optional<String> folder = fields.text("folder").flatMap(paths::absolute);
    Map<String, Text> texts =
        fields.fields("to", "the targets by disk key").map(Fields::remainingTexts).orElse(Map.of());
    Map<DiskKey, String> targets = new LinkedHashMap<>();
    texts.forEach(
        (key, text) -> target(text).ifPresent(place -> targets.put(new DiskKey(key), place)));
    if (!fields.has("folder") && texts.isEmpty()) {
      fields.problem("a replication says where disks go: 'folder' for all, or 'to' for each");
    }
    Set<DiskKey> exclude = exclude(fields.list("exclude"));
    Optional<ScheduleDefinition> schedule =
        fields.fields("schedule", "a schedule").flatMap(this::schedule);
    fields.refuseOthers();
    ReplicationDefinition replication =
        new ReplicationDefinition(folder, targets, exclude, schedule);
    refuseSharedPlaces(replication);
    return replication;
  }

  private Optional<String> target(Text text) {
    String value = text.value();
    return value.startsWith("nbd:") || value.startsWith("nbd+") || value.startsWith("nbds")
        ? SourceReader.uri(text)
        : paths.absolute(text);
  }

  private Set<DiskKey> exclude(List<Node> nodes) {
    Set<DiskKey> exclude = new LinkedHashSet<>();
    for (Node node : nodes) {
      if (node instanceof ScalarNode scalar && !scalar.getValue().isEmpty()) {
        exclude.add(new DiskKey(scalar.getValue()));
      } else {
        problems.at(
            node.getStartMark(), Fields.kind(node) + " in 'exclude'; expected a disk's key");
      }
    }
    return exclude;
  }

  private Optional<ScheduleDefinition> schedule(Fields schedule) {
    for (String name : FOR_BACKUPS) {
      if (schedule.has(name)) {
        schedule.problem(
            "'"
                + name
                + "' is for schedules of backups; a run of a replication that did not come"
                + " to its end is made up for by the next one");
      }
    }
    return ScheduleReader.schedule(schedule, problems);
  }

  /** A target is one disk's, and none of the disks that are replicated. */
  private void refuseSharedPlaces(ReplicationDefinition replication) {
    Map<String, String> users = new HashMap<>();
    source
        .disks()
        .forEach(disk ->
            users.put(disk.location(), "where source disk " + quoted(disk.key().value()) + " is"));
    List<DiskKey> keys = new ArrayList<>(replication.targets().keySet());
    source.disks().stream()
        .map(SourceDefinition.DiskDefinition::key)
        .filter(key -> !replication.exclude().contains(key) && !keys.contains(key))
        .forEach(keys::add);
    keys.stream()
        .sorted()
        .forEach(key ->
            replication
                .target(key)
                .ifPresent(place -> {
                  String user =
                      users.putIfAbsent(place, "the target of disk " + quoted(key.value()));
                  if (user != null) {
                    fields.problem(
                        "disk "
                            + quoted(key.value())
                            + " is replicated to "
                            + place
                            + ", which is "
                            + user);
                  }
                }));
  }
}
