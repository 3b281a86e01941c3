package dev.backstep.job.backup;

import dev.backstep.domain.SourceDefinition;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The host that the bytes of a VM come from, where its definition says so. What is read from this
 * host's own files and sockets has none: how much of that runs at once is limited in all.
 */
final class SourceHost {

  /** What sources call their address: a URI or the name of a host. */
  private static final List<String> ADDRESSES = List.of("uri", "url", "host", "server");

  private static final int LENGTH_MAX = 300;

  private SourceHost() {}

  static Optional<String> of(SourceDefinition source) {
    return Stream.concat(
            source.disks().stream().map(SourceDefinition.DiskDefinition::location),
            ADDRESSES.stream()
                .filter(source.settings()::containsKey)
                .map(name -> source.settings().getOrDefault(name, "")))
        .flatMap(address -> host(address).stream())
        .filter(host -> host.length() <= LENGTH_MAX)
        .findFirst();
  }

  private static Optional<String> host(String address) {
    if (address.matches("[A-Za-z0-9.-]+")) {
      return Optional.of(address);
    }
    try {
      return Optional.ofNullable(new URI(address).getHost()).filter(host -> !host.isEmpty());
    } catch (URISyntaxException e) {
      // A path, or something else that is at no host.
      return Optional.empty();
    }
  }
}
