package dev.backstep.source.libvirt;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a job definition says of a VM of libvirt.
 *
 * @param uri the daemon of this host, as {@code virsh -c} takes it
 * @param domain name or UUID
 * @param scratch a folder on the hypervisor's host that QEMU may write to
 * @param scratchRoomMebibytes room in there without which no backup begins; with a quarter of it
 *     left a backup is given up. 0 looks at no room
 * @param connections NBD connections per disk
 */
record LibvirtSettings(
    String uri,
    String domain,
    Path scratch,
    int scratchRoomMebibytes,
    int connections,
    Quiesce quiesce,
    Hooks hooks) {

  /** The names of the fields in a job definition, and their defaults. */
  static final String URI = "uri";

  static final String DOMAIN = "domain";
  static final String SCRATCH = "scratch";
  static final String SCRATCH_ROOM = "scratch-room-mib";
  static final String CONNECTIONS = "connections";
  static final String QUIESCE = "quiesce";
  static final String BEFORE = "before-snapshot";
  static final String AFTER = "after-snapshot";
  static final String HOOK_LIMIT = "hook-limit-seconds";

  static LibvirtSettings of(SourceDefinition definition) throws SourceException {
    Map<String, String> texts = definition.settings();
    String uri = texts.getOrDefault(URI, "qemu:///system");
    if (uri.matches("[a-z+]+://[^/?]+.*")) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          uri
              + ": names another host; disks are read through a socket of the hypervisor's host, so"
              + " run this program there");
    }
    String domain = texts.get(DOMAIN);
    if (domain == null) {
      throw new SourceException(
          SourceException.Kind.FAILED, "the source names no 'domain'; a name or a UUID is needed");
    }
    return new LibvirtSettings(
        uri,
        domain,
        Path.of(texts.getOrDefault(SCRATCH, "/var/tmp")),
        Integer.parseInt(texts.getOrDefault(SCRATCH_ROOM, "256")),
        Integer.parseInt(texts.getOrDefault(CONNECTIONS, "2")),
        Quiesce.valueOf(texts.getOrDefault(QUIESCE, "try").toUpperCase(Locale.ROOT)),
        new Hooks(
            Optional.ofNullable(texts.get(BEFORE)),
            Optional.ofNullable(texts.get(AFTER)),
            Duration.ofSeconds(Long.parseLong(texts.getOrDefault(HOOK_LIMIT, "60")))));
  }

  long scratchRoomBytes() {
    return (long) scratchRoomMebibytes << 20;
  }
}
