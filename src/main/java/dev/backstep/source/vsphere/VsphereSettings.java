package dev.backstep.source.vsphere;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a job definition says of a vCenter and of a VM at it; {@code docs/configuration.md} has the
 * fields. The definition's reader has checked it, so what is wrong here was not written by a user.
 *
 * @param server a host's name or address
 * @param pin SHA-256 of the server's certificate in lower case digits; empty to trust the JDK's
 *     certificate authorities
 * @param select how the VM is named: one of {@link #SELECTORS}
 * @param tracking whether change tracking may be switched on
 * @param connectionsMax disks read at once through this server
 * @param hostConnectionsMax disks read at once from one ESXi host
 * @param snapshotAgeMax an older snapshot is not taken up again
 * @param nbdkit the program
 * @param vddk folder of the VDDK, empty for where nbdkit finds one by itself
 * @param vddkConfig the VDDK's configuration file
 */
record VsphereSettings(
    String server,
    int port,
    String user,
    Path passwordFile,
    Optional<String> pin,
    String select,
    String selected,
    Quiesce quiesce,
    boolean tracking,
    int connectionsMax,
    int hostConnectionsMax,
    Duration snapshotAgeMax,
    String nbdkit,
    Optional<String> vddk,
    Optional<String> vddkConfig,
    String transports) {

  /** Fields that name a VM; a definition has exactly one. */
  static final List<String> SELECTORS =
      List.of("name", "path", "moref", "instance-uuid", "attribute", "tag");

  /** Whether the guest is asked to come to rest before a snapshot. */
  enum Quiesce {
    /** A snapshot that is not quiesced fails the backup, unless the VM is off. */
    REQUIRED,
    /** Where the guest cannot, the snapshot is as after a power failure. */
    TRY,
    OFF
  }

  static VsphereSettings of(SourceDefinition definition) throws SourceException {
    Map<String, String> fields = definition.settings();
    String select =
        SELECTORS.stream()
            .filter(fields::containsKey)
            .findFirst()
            .orElseThrow(() -> missing(String.join(" or ", SELECTORS)));
    return new VsphereSettings(
        needed(fields, "server"),
        Integer.parseInt(fields.getOrDefault("port", "443")),
        needed(fields, "user"),
        Path.of(needed(fields, "password-file")),
        Optional.ofNullable(fields.get("certificate"))
            .map(text -> text.replace(":", "").toLowerCase(Locale.ROOT)),
        select,
        needed(fields, select),
        Quiesce.valueOf(fields.getOrDefault("quiesce", "try").toUpperCase(Locale.ROOT)),
        !fields.getOrDefault("tracking", "auto").equals("off"),
        Integer.parseInt(fields.getOrDefault("connections", "16")),
        Integer.parseInt(fields.getOrDefault("host-connections", "8")),
        seconds(fields.getOrDefault("snapshot-age-max", "172800s")),
        fields.getOrDefault("nbdkit", "nbdkit"),
        Optional.ofNullable(fields.get("vddk")),
        Optional.ofNullable(fields.get("vddk-config")),
        fields.getOrDefault("transports", "file:nbdssl:nbd"));
  }

  /** Definitions keep durations in seconds, whatever unit was written. */
  private static Duration seconds(String text) {
    return Duration.ofSeconds(Long.parseLong(text.replace("s", "")));
  }

  private static String needed(Map<String, String> fields, String name) throws SourceException {
    String value = fields.get(name);
    if (value == null) {
      throw missing(name);
    }
    return value;
  }

  private static SourceException missing(String name) {
    return new SourceException(
        SourceException.Kind.FAILED, "source vsphere: the definition has no field " + name);
  }

  /** Read at each login, so that it can be changed without a restart. */
  String password() throws SourceException {
    try {
      return Files.readString(passwordFile).stripTrailing();
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.UNREACHABLE,
          passwordFile + ": the password of " + user + " cannot be read: " + e,
          e);
    }
  }

  /** Where a path of the server is. */
  URI endpoint(String path) {
    String host = server.contains(":") && !server.startsWith("[") ? "[" + server + "]" : server;
    return URI.create("https://" + host + ":" + port + path);
  }

  /** For messages, and to tell servers apart. */
  String address() {
    return port == 443 ? server : server + ":" + port;
  }
}
