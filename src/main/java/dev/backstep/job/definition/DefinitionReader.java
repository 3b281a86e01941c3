package dev.backstep.job.definition;

import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.ScheduleDefinition;
import dev.backstep.domain.SourceDefinition;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;

/** Reads the fields of one job definition; defaults are those of the manual. */
final class DefinitionReader {

  static final int COMPRESSION_LEVEL_DEFAULT = 1;
  static final int PARALLEL_DISKS_DEFAULT = 2;
  static final int CHAIN_LIMIT_DEFAULT = 60;

  static final int NAME_LENGTH_MAX = 200;
  private static final int COMPRESSION_LEVEL_MAX = 19;
  private static final int PARALLEL_DISKS_MAX = 64;

  /** Longer chains than this no reader follows. */
  private static final int CHAIN_LIMIT_MAX = 1000;

  /** Ranges of 64 KiB: 64 GiB. */
  private static final int AUDIT_SAMPLE_MAX = 1_000_000;

  private static final List<String> OF_ONE_VM = List.of("verify", "restore-test", "replicate");

  private final Problems problems;
  private final Paths paths;

  private DefinitionReader(Problems problems, Paths paths) {
    this.problems = problems;
    this.paths = paths;
  }

  /**
   * @param folder what relative paths start from; without one they are problems
   * @return one for each YAML document, at least one
   * @throws JobDefinitionException naming every problem
   */
  static List<JobDefinition> read(String text, String file, @Nullable Path folder) {
    Problems problems = new Problems(file);
    DefinitionReader reader = new DefinitionReader(problems, new Paths(folder));
    List<JobDefinition> definitions =
        YamlTree.roots(text, problems).stream()
            .flatMap(root -> Fields.of(root, "a job definition", problems).stream())
            .map(reader::definition)
            .toList();
    problems.throwIfAny();
    return definitions;
  }

  /** What it returns is of use only when there were no problems. */
  private JobDefinition definition(Fields fields) {
    String vm = fields.requiredText("vm").flatMap(text -> text.line(NAME_LENGTH_MAX)).orElse("?");
    SourceDefinition source = source(fields);
    String repository = fields.requiredText("repository").flatMap(paths::absolute).orElse("?");
    Optional<ScheduleDefinition> schedule =
        fields
            .fields("schedule", "a schedule")
            .flatMap(found -> ScheduleReader.schedule(found, problems));
    JobDefinition definition =
        new JobDefinition(
            vm,
            source,
            exclude(fields, source),
            repository,
            word(fields, "level", RequestedLevel.AUTO),
            word(fields, "cbt-reset", CbtResetPolicy.FULL),
            word(fields, "compression", Compression.NONE),
            number(fields, "compression-level", COMPRESSION_LEVEL_MAX, COMPRESSION_LEVEL_DEFAULT),
            word(fields, "checksum", ChecksumKind.CRC32C),
            number(fields, "max-parallel-disks", PARALLEL_DISKS_MAX, PARALLEL_DISKS_DEFAULT),
            number(fields, "chain-limit", CHAIN_LIMIT_MAX, CHAIN_LIMIT_DEFAULT),
            fields
                .fields("cbt-audit", "an audit of change tracking")
                .map(DefinitionReader::cbtAudit)
                .orElse(CbtAuditDefinition.STANDARD),
            schedule,
            fields.fields("retention", "a retention").flatMap(RetentionReader::retention),
            fields
                .fields("verify", "a verification")
                .flatMap(verify -> VerifyReader.verify(verify, schedule)),
            fields
                .fields("restore-test", "a restore test")
                .flatMap(test -> RestoreTestReader.restoreTest(test, schedule)),
            copies(fields, repository),
            immutable(fields),
            fields
                .fields("replicate", "a replication")
                .map(found -> new ReplicationReader(found, problems, paths, source).replication()));
    if (source.isSelection()) {
      refuseOfOne(fields);
    }
    fields.refuseOthers();
    return definition;
  }

  /** What a server looks for under the definition's own name, which is no VM's. */
  private static void refuseOfOne(Fields fields) {
    List<String> said = OF_ONE_VM.stream().filter(fields::has).toList();
    if (!said.isEmpty()) {
      fields.problem(
          "a selection of VMs with '"
              + String.join("', '", said)
              + "'; expected only where 'source' names one VM");
    }
  }

  private static Optional<Duration> immutable(Fields fields) {
    Optional<Duration> immutable = fields.text("immutable").flatMap(Text::duration);
    if (immutable.isPresent() && immutable.get().isZero()) {
      fields.problem("'immutable' of no time; leave it out");
    }
    return immutable;
  }

  private List<CopyDefinition> copies(Fields fields, String repository) {
    List<CopyDefinition> copies = new ArrayList<>();
    Set<String> places = new HashSet<>(Set.of(repository));
    for (Node node : fields.list("copies")) {
      Fields.of(node, "a copy", problems)
          .ifPresent(copy -> {
            String place = copy.requiredText("repository").flatMap(paths::absolute).orElse("?");
            if (!places.add(place)) {
              problems.at(
                  node.getStartMark(),
                  "'copies' names "
                      + Problems.quoted(place)
                      + ", which has the backups or another copy already");
            }
            copies.add(
                new CopyDefinition(
                    place,
                    copy.fields("retention", "a retention").flatMap(RetentionReader::retention)));
            copy.refuseOthers();
          });
    }
    return copies;
  }

  private static CbtAuditDefinition cbtAudit(Fields fields) {
    CbtAuditDefinition standard = CbtAuditDefinition.STANDARD;
    CbtAuditDefinition audit =
        new CbtAuditDefinition(
            fields
                .text("sample")
                .flatMap(text -> text.number(0, AUDIT_SAMPLE_MAX))
                .orElse(standard.sample()),
            fields.text("all-within").flatMap(Text::duration).orElse(standard.allWithin()));
    fields.refuseOthers();
    return audit;
  }

  private SourceDefinition source(Fields fields) {
    Optional<Fields> source = fields.fields("source", "a source");
    if (!fields.has("source")) {
      fields.problem("a job definition has no field 'source'; it is needed");
    }
    return source
        .map(found -> new SourceReader(found, problems, paths).source())
        .orElseGet(SourceReader::none);
  }

  private Set<DiskKey> exclude(Fields fields, SourceDefinition source) {
    Set<DiskKey> exclude = new LinkedHashSet<>();
    Set<String> listed =
        source.disks().stream().map(disk -> disk.key().value()).collect(Collectors.toSet());
    List<Node> nodes = fields.list("exclude");
    for (Node node : nodes) {
      if (!(node instanceof ScalarNode scalar) || scalar.getValue().isEmpty()) {
        problems.at(
            node.getStartMark(), Fields.kind(node) + " in 'exclude'; expected a disk's key");
      } else if (!listed.isEmpty() && !listed.contains(scalar.getValue())) {
        problems.at(
            node.getStartMark(),
            "'exclude' names "
                + Problems.quoted(scalar.getValue())
                + ", which is no listed disk; listed: "
                + listed.stream().sorted().collect(Collectors.joining(", "))
                + DidYouMean.hint(scalar.getValue(), listed));
      } else {
        exclude.add(new DiskKey(scalar.getValue()));
      }
    }
    if (!listed.isEmpty() && exclude.size() == listed.size()) {
      problems.at(nodes.getFirst().getStartMark(), "'exclude' leaves no disk to back up");
    }
    return exclude;
  }

  private static <E extends Enum<E>> E word(Fields fields, String name, E absent) {
    return fields.text(name).flatMap(text -> text.word(absent.getDeclaringClass())).orElse(absent);
  }

  private static int number(Fields fields, String name, int max, int absent) {
    return fields.text(name).flatMap(text -> text.number(1, max)).orElse(absent);
  }
}
