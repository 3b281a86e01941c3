package dev.backstep.repository;

import dev.backstep.blockio.OwnerLock;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;

/**
 * Keeps the processes of other databases from writing and deleting in a repository, as long as one
 * of ours does. Ends with the process, however that ends. The caller closes it.
 */
public final class RepositoryLock implements Closeable {

  /** Its name in the repository's folder. */
  static final String FILE = "repository.lock";

  private final OwnerLock lock;

  private RepositoryLock(OwnerLock lock) {
    this.lock = lock;
  }

  /**
   * @param database the id of the database whose processes may
   * @param who the process, for people
   * @throws RepositoryException {@code IN_USE} when processes of another database have it; {@code
   *     NOT_WRITABLE}
   */
  public static RepositoryLock take(Repository repository, String database, String who)
      throws IOException {
    Path file = repository.root().resolve(FILE);
    try {
      return new RepositoryLock(
          OwnerLock.take(file, database, who)
              .orElseThrow(() ->
                  new RepositoryException(
                      RepositoryException.Kind.IN_USE,
                      repository.root()
                          + ": in use by "
                          + holder(file)
                          + "; only one database at a time may write to a repository: wait, or stop"
                          + " that one")));
    } catch (AccessDeniedException e) {
      throw Repository.notWritable(file, e);
    }
  }

  private static String holder(Path file) {
    try {
      return OwnerLock.holder(file);
    } catch (IOException e) {
      return "another database";
    }
  }

  @Override
  public void close() {
    lock.close();
  }
}
