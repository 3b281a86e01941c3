package dev.backstep.catalog;

import java.io.IOException;
import java.sql.SQLException;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.NonTransientDataAccessResourceException;
import org.springframework.dao.RecoverableDataAccessException;
import org.springframework.dao.TransientDataAccessException;
import org.springframework.dao.UncategorizedDataAccessException;
import org.springframework.transaction.TransactionException;

/** Tells a database that does not answer from a statement that is wrong. */
public final class DatabaseTrouble {

  /** H2's error code DATABASE_IS_CLOSED. */
  static final int CLOSED = 90_098;

  /**
   * H2's error code OBJECT_CLOSED: what a statement says whose connection another thread closed.
   */
  static final int OBJECT_CLOSED = 90_007;

  private DatabaseTrouble() {}

  /** Whether the database did not answer, and may soon. */
  public static boolean isAway(Throwable failure) {
    return failure instanceof TransientDataAccessException
        || failure instanceof RecoverableDataAccessException
        || failure instanceof NonTransientDataAccessResourceException
        || failure instanceof TransactionException
        || (failure instanceof UncategorizedDataAccessException
            && (isStorage(failure) || isOfH2(failure, OBJECT_CLOSED)));
  }

  /** Whether the files of an embedded database failed it, or it is closed since they did. */
  static boolean isStorage(Throwable failure) {
    return isOfSystem(failure) || isOfH2(failure, CLOSED);
  }

  private static boolean isOfH2(Throwable failure, int code) {
    return NestedExceptionUtils.getMostSpecificCause(failure) instanceof SQLException sql
        && sql.getErrorCode() == code;
  }

  /** Whether the system said what failed, as that a disk is full. */
  public static boolean isOfSystem(Throwable failure) {
    return NestedExceptionUtils.getMostSpecificCause(failure) instanceof IOException;
  }
}
