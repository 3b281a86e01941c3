package dev.backstep.source;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Names of the marks that we leave at a source: {@code backstep.<repository id>.<backup id>.<n>},
 * so that ours can be told from others' and two repositories do not disturb each other.
 */
public final class MarkName {

  private static final String OURS = "backstep.";

  /** Ours, the repository's, the backup's, which may hold dots, the snapshot's. */
  private static final int PARTS_MIN = 4;

  private MarkName() {}

  /**
   * @param attempt tells snapshots of one backup apart: letters and digits, new for each snapshot
   */
  public static ChangeId of(RepositoryId repository, BackupId backup, String attempt) {
    return new ChangeId(prefix(repository) + backup.value() + "." + attempt);
  }

  /** Whether a mark is ours, of whichever repository. */
  public static boolean isOurs(String mark) {
    return mark.startsWith(OURS);
  }

  /** The id of the repository that a mark of ours is for; empty for another program's. */
  public static Optional<String> repositoryOf(String mark) {
    String[] parts = mark.split("\\.", -1);
    return isOurs(mark) && parts.length >= PARTS_MIN
        ? Optional.of(parts[1].replace('~', '.'))
        : Optional.empty();
  }

  /** A name that no snapshot has had. */
  public static ChangeId next(RepositoryId repository, BackupId backup) {
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    return of(repository, backup, HexFormat.of().formatHex(random));
  }

  /** Whether a mark is ours and belongs to this repository. */
  public static boolean belongsTo(RepositoryId repository, String mark) {
    return mark.startsWith(prefix(repository));
  }

  /**
   * A dot in the id is written as a tilde, which no id may hold: else the marks of repository
   * {@code a.b} would be taken for those of {@code a}.
   */
  private static String prefix(RepositoryId repository) {
    return OURS + repository.value().replace('.', '~') + ".";
  }
}
