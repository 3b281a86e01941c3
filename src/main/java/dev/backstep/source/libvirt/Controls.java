package dev.backstep.source.libvirt;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Chooses how a daemon is asked: through libvirt's library where it is there, else through virsh.
 * The environment's {@code BACKSTEP_LIBVIRT=virsh} keeps the library out of this process.
 */
final class Controls {

  /** libvirt itself gives a job that it waits for 30 seconds. */
  static final Duration LIMIT = Duration.ofSeconds(90);

  private static final Map<String, LibvirtConnection> CONNECTIONS = new ConcurrentHashMap<>();

  private Controls() {}

  /**
   * @param folder for files that are gone when a call returns
   */
  static HypervisorControl of(String uri, Path folder) {
    Virsh virsh = new Virsh(uri, folder);
    if ("virsh".equals(System.getenv("BACKSTEP_LIBVIRT"))) {
      return virsh;
    }
    Optional<LibvirtLibrary> library = LibvirtLibrary.find();
    if (library.isEmpty()) {
      return virsh;
    }
    LibvirtConnection connection =
        CONNECTIONS.computeIfAbsent(
            uri, daemon -> new LibvirtConnection(library.get(), daemon, LIMIT));
    return new ChosenControl(
        connection, new LibvirtControl(library.get(), connection, virsh), virsh);
  }
}
