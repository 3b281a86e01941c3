package dev.backstep.source;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RepositoryId;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * Names of the marks that we leave at a source: {@code backstep.<repository id>.<backup id>.<n>},
 * so that ours can be told from others' and two repositories do not disturb each other.
 */
public final class MarkName {

  private static final String OURS = "backstep.";

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
