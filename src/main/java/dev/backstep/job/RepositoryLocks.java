package dev.backstep.job;

import dev.backstep.catalog.CatalogIdentity;
import dev.backstep.domain.RepositoryId;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RepositoryLock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.springframework.stereotype.Component;

/**
 * The repositories that this process writes to. Each is locked for its database from the first use
 * on, until the process ends: a server has those that it works in for itself. Thread-safe.
 */
@Component
public class RepositoryLocks implements AutoCloseable {

  private final CatalogIdentity identity;
  private final Map<Place, RepositoryLock> held = new HashMap<>();

  RepositoryLocks(CatalogIdentity identity) {
    this.identity = identity;
  }

  /** Another repository may come into the same folder. */
  private record Place(Path root, RepositoryId id) {}

  /**
   * Takes the lock where this process does not have it yet. Before anything is written or deleted.
   *
   * @return the repository
   * @throws dev.backstep.repository.RepositoryException {@code IN_USE} when processes of another
   *     database have it
   */
  public synchronized Repository take(Repository repository) throws IOException {
    Place place = new Place(repository.root(), repository.id());
    if (!held.containsKey(place)) {
      String who =
          "process "
              + ProcessHandle.current().pid()
              + " on "
              + host()
              + ", database "
              + identity.id();
      held.put(place, RepositoryLock.take(repository, identity.id(), who));
    }
    return repository;
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "a host without a name";
    }
  }

  @Override
  public synchronized void close() {
    held.values().forEach(RepositoryLock::close);
    held.clear();
  }
}
