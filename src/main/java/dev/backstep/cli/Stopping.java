package dev.backstep.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * The operator's wish to stop, by Ctrl-C or a signal. Thread-safe; actions run at most once, on the
 * thread that asks.
 */
public final class Stopping {

  private final List<Runnable> actions = new ArrayList<>();
  private boolean requested;

  /** Asks the command that runs to stop. It ends by itself, soon. */
  public void request() {
    List<Runnable> now;
    synchronized (this) {
      requested = true;
      now = List.copyOf(actions);
      actions.clear();
    }
    now.forEach(Runnable::run);
  }

  /** Whether it was asked for. */
  public synchronized boolean isRequested() {
    return requested;
  }

  /** What to do when it is asked for; done at once when it was. */
  void onRequest(Runnable action) {
    synchronized (this) {
      if (!requested) {
        actions.add(action);
        return;
      }
    }
    action.run();
  }
}
