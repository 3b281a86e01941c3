package dev.backstep.job.definition;

import dev.backstep.domain.SourceDefinition;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads which VM of which vCenter is meant. */
final class VsphereReader {

  private static final int LENGTH_MAX = 1000;
  private static final int PORT_MAX = 65_535;
  private static final int CONNECTIONS_MAX = 200;

  /** Ways to name a VM; exactly one is used. */
  private static final List<String> SELECTORS =
      List.of("name", "path", "moref", "instance-uuid", "attribute", "tag");

  private enum Quiesce {
    REQUIRED,
    TRY,
    OFF
  }

  private enum Tracking {
    AUTO,
    OFF
  }

  private final Fields fields;
  private final Paths paths;
  private final Map<String, String> settings = new LinkedHashMap<>();

  VsphereReader(Fields fields, Paths paths) {
    this.fields = fields;
    this.paths = paths;
  }

  SourceDefinition source() {
    keep("server", fields.requiredText("server").flatMap(text -> text.line(LENGTH_MAX)));
    number("port", PORT_MAX);
    keep("user", fields.requiredText("user").flatMap(text -> text.line(LENGTH_MAX)));
    keep("password-file", fields.requiredText("password-file").flatMap(paths::absolute));
    keep("certificate", fields.text("certificate").flatMap(VsphereReader::digest));
    selector();
    keep(
        "quiesce",
        fields.text("quiesce").flatMap(text -> text.word(Quiesce.class)).map(Text::word));
    keep(
        "tracking",
        fields.text("tracking").flatMap(text -> text.word(Tracking.class)).map(Text::word));
    number("connections", CONNECTIONS_MAX);
    number("host-connections", CONNECTIONS_MAX);
    keep(
        "snapshot-age-max",
        fields.text("snapshot-age-max").flatMap(Text::duration).map(age -> age.toSeconds() + "s"));
    line("nbdkit");
    keep("vddk", fields.text("vddk").flatMap(paths::absolute));
    keep("vddk-config", fields.text("vddk-config").flatMap(paths::absolute));
    line("transports");
    fields.refuseOthers();
    return new SourceDefinition("vsphere", List.of(), settings);
  }

  private void selector() {
    SELECTORS.forEach(this::line);
    List<String> said = SELECTORS.stream().filter(fields::has).toList();
    if (said.size() != 1) {
      fields.problem(
          "source 'vsphere' names its VM by "
              + (said.isEmpty() ? "nothing" : String.join(" and ", said))
              + "; expected exactly one of: "
              + String.join(", ", SELECTORS));
    }
    pair("attribute", "a custom attribute and its value: NAME=VALUE");
    pair("tag", "a tag behind its category: CATEGORY=TAG");
  }

  private void pair(String name, String expected) {
    fields
        .text(name)
        .filter(text -> text.value().indexOf('=') < 1)
        .ifPresent(text -> text.problem(expected));
  }

  private static Optional<String> digest(Text text) {
    if (text.value().matches("[0-9a-fA-F]{64}|([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2}")) {
      return Optional.of(text.value());
    }
    text.problem("the SHA-256 fingerprint of the server's certificate: 64 hexadecimal digits");
    return Optional.empty();
  }

  private void number(String name, int max) {
    keep(name, fields.text(name).flatMap(text -> text.number(1, max)).map(String::valueOf));
  }

  private void line(String name) {
    keep(name, fields.text(name).flatMap(text -> text.line(LENGTH_MAX)));
  }

  private void keep(String name, Optional<String> value) {
    value.ifPresent(text -> settings.put(name, text));
  }
}
