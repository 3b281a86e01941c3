package dev.backstep.job.definition;

import dev.backstep.domain.JobDefinition;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A domain of libvirt, or a QEMU by its monitor, as one definition names it, with the repository
 * whose checkpoints or bitmaps it bears. Equal ones are the same; that a name and a UUID are the
 * same domain cannot be seen.
 *
 * @param uri empty for the system's daemon
 * @param domain of {@code qmp} the socket's path
 */
record TrackedDomain(String type, String uri, String domain, String repository) {

  private static final String UUID = "[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}";

  /** Empty for other sources and for selections. */
  static Optional<TrackedDomain> of(JobDefinition definition) {
    String type = definition.source().type();
    Map<String, String> settings = definition.source().settings();
    return switch (type) {
      case "libvirt" ->
          Optional.ofNullable(settings.get("domain"))
              .map(domain ->
                  new TrackedDomain(
                      type,
                      settings.getOrDefault("uri", ""),
                      domain.matches(UUID)
                          ? domain.replace("-", "").toLowerCase(Locale.ROOT)
                          : domain,
                      definition.repository()));
      case "qmp" ->
          Optional.ofNullable(settings.get("socket"))
              .map(socket ->
                  new TrackedDomain(
                      type, "", Path.of(socket).normalize().toString(), definition.repository()));
      default -> Optional.empty();
    };
  }

  /** What two definitions of it would do to one another. */
  String conflict() {
    return type.equals("qmp")
        ? " backs up into the same repository over the same socket; each would delete the other's"
            + " bitmaps, "
        : " backs up into the same repository; each would delete the other's checkpoints, ";
  }
}
