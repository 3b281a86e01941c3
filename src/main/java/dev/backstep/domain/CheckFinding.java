package dev.backstep.domain;

import java.time.Instant;
import java.util.Optional;

/**
 * What a check of a whole repository has found somewhere.
 *
 * @param subject the id or file that it is found at
 * @param text what is wrong; empty where nothing is
 * @param bytes the length of what lies about or is not needed; 0 for the others
 * @param modifiedAt of what lies about, as far as clocks agree
 */
public record CheckFinding(
    Kind kind, String subject, String text, long bytes, Optional<Instant> modifiedAt) {

  /** What it is about. */
  public enum Kind {
    RESTORE_POINT,
    IMAGE,
    /** The catalog and the repository's files say different things. */
    CATALOG,
    /** Work in progress, or what a process that died has left of it. */
    PARTIAL,
    /** Half of what belongs together. */
    ORPHAN,
    /** Not of this program. */
    FOREIGN,
    /** An image that is whole and that no restore point stands on. */
    UNNEEDED
  }

  /** Something wrong. */
  public static CheckFinding problem(Kind kind, String subject, String text) {
    return new CheckFinding(kind, subject, text, 0, Optional.empty());
  }

  /** Whether something is wrong; what lies about is no fault. */
  public boolean isProblem() {
    return switch (kind) {
      case RESTORE_POINT, IMAGE, CATALOG -> true;
      case PARTIAL, ORPHAN, FOREIGN, UNNEEDED -> false;
    };
  }
}
