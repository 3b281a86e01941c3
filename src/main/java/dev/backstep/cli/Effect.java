package dev.backstep.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What a command does to this installation, and so who puts it on record: each declares one. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@interface Effect {

  Kind value();

  /** Of effects. */
  enum Kind {
    /** Asks only; no row. */
    NONE,

    /**
     * Changes what the database knows: one row in the audit trail, from the moment at which it has
     * the database open for that.
     */
    CHANGE,

    /** Has a running server do all that it does; the server puts it on record. */
    SERVER,

    /** Touches files or serves, and no database is asked that could have a row. */
    FILES
  }
}
