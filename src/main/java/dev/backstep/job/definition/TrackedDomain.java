package dev.backstep.job.definition;

import dev.backstep.domain.JobDefinition;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A domain of libvirt as one definition names it, with the repository whose checkpoints it bears.
 * Equal ones are the same; that a name and a UUID are the same domain cannot be seen.
 *
 * @param uri empty for the system's daemon
 */
record TrackedDomain(String uri, String domain, String repository) {

  private static final String UUID = "[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}";

  /** Empty for other sources and for selections. */
  static Optional<TrackedDomain> of(JobDefinition definition) {
    Map<String, String> settings = definition.source().settings();
    return Optional.of(definition.source())
        .filter(source -> source.type().equals("libvirt"))
        .map(source -> settings.get("domain"))
        .map(domain ->
            new TrackedDomain(
                settings.getOrDefault("uri", ""),
                domain.matches(UUID) ? domain.replace("-", "").toLowerCase(Locale.ROOT) : domain,
                definition.repository()));
  }
}
