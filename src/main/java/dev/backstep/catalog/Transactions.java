package dev.backstep.catalog;

import org.jspecify.annotations.Nullable;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.support.DefaultTransactionDefinition;

/**
 * Runs work in the surrounding transaction, else in one of its own. Unlike Spring's template it
 * lets checked exceptions through, and each exception rolls back.
 */
public final class Transactions {

  /** What is done in the transaction. */
  public interface Work<T extends @Nullable Object, E extends Exception> {
    T run() throws E;
  }

  private final PlatformTransactionManager manager;

  public Transactions(PlatformTransactionManager manager) {
    this.manager = manager;
  }

  public <T extends @Nullable Object, E extends Exception> T in(Work<T, E> work) throws E {
    TransactionStatus status = manager.getTransaction(new DefaultTransactionDefinition());
    boolean done = false;
    try {
      T result = work.run();
      done = true;
      return result;
    } finally {
      if (done) {
        manager.commit(status);
      } else {
        manager.rollback(status);
      }
    }
  }
}
