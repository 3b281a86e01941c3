package dev.backstep.source.libvirt;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.ScratchRoom;
import dev.backstep.source.SourceException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a job definition says of a VM of libvirt.
 *
 * @param uri the daemon of this host, as {@code virsh -c} takes it
 * @param domain name or UUID
 * @param connections NBD connections per disk
 */
record LibvirtSettings(
    String uri, String domain, ScratchRoom scratch, int connections, Quiesce quiesce, Hooks hooks) {

  /** The names of the fields in a job definition, and their defaults. */
  static final String URI = "uri";

  static final String DOMAIN = "domain";
  static final String CONNECTIONS = "connections";
  static final String QUIESCE = "quiesce";
  static final String BEFORE = "before-snapshot";
  static final String AFTER = "after-snapshot";
  static final String HOOK_LIMIT = "hook-limit-seconds";

  private static final String SYSTEM = "qemu:///system";

  static LibvirtSettings of(SourceDefinition definition) throws SourceException {
    Map<String, String> texts = definition.settings();
    String uri = uri(definition);
    String domain = texts.get(DOMAIN);
    if (domain == null) {
      throw new SourceException(
          SourceException.Kind.FAILED, "the source names no 'domain'; a name or a UUID is needed");
    }
    return new LibvirtSettings(
        uri,
        domain,
        ScratchRoom.of(definition),
        Integer.parseInt(texts.getOrDefault(CONNECTIONS, "2")),
        Quiesce.valueOf(texts.getOrDefault(QUIESCE, "try").toUpperCase(Locale.ROOT)),
        new Hooks(
            Optional.ofNullable(texts.get(BEFORE)),
            Optional.ofNullable(texts.get(AFTER)),
            Duration.ofSeconds(Long.parseLong(texts.getOrDefault(HOOK_LIMIT, "60")))));
  }

  /** The daemon's; definitions have one spelling of it. */
  static String place(SourceDefinition definition) {
    return definition.settings().getOrDefault(URI, SYSTEM);
  }

  /** The daemon's, refused where that is another host's. */
  static String uri(SourceDefinition definition) throws SourceException {
    String uri = place(definition);
    if (uri.matches("[a-z+]+://[^/?]+.*")) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          uri
              + ": names another host; disks are read through a socket of the hypervisor's host, so"
              + " run this program there");
    }
    return uri;
  }
}
