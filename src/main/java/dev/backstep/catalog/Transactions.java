package dev.backstep.catalog;

import org.jspecify.annotations.Nullable;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
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
    return run(TransactionDefinition.PROPAGATION_REQUIRED, work);
  }

  /** Always in a transaction of its own: what is done stays, however the surrounding one ends. */
  public <T extends @Nullable Object, E extends Exception> T apart(Work<T, E> work) throws E {
    return run(TransactionDefinition.PROPAGATION_REQUIRES_NEW, work);
  }

  private <T extends @Nullable Object, E extends Exception> T run(int propagation, Work<T, E> work)
      throws E {
    TransactionStatus status =
        manager.getTransaction(new DefaultTransactionDefinition(propagation));
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
