package dev.backstep;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.core.status.Status;
import ch.qos.logback.core.status.StatusListener;
import ch.qos.logback.core.status.StatusManager;
import java.time.Duration;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;

/**
 * Tells now and then that the log's file cannot be written, as where its disk is full, in place of
 * a stack trace for each line. Thread-safe.
 */
final class LogFileTrouble implements StatusListener {

  private static final Duration BETWEEN_LINES = Duration.ofMinutes(10);

  private final Consumer<String> tell;
  private long toldAt = System.nanoTime() - BETWEEN_LINES.toNanos();

  private LogFileTrouble(Consumer<String> tell) {
    this.tell = tell;
  }

  /** From now on, for what is logged in this process. */
  static void tell(Consumer<String> tell) {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      StatusManager statuses = context.getStatusManager();
      statuses.getCopyOfStatusListenerList().forEach(statuses::remove);
      statuses.add(new LogFileTrouble(tell));
    }
  }

  @Override
  public synchronized void addStatusEvent(Status status) {
    long now = System.nanoTime();
    if (status.getLevel() < Status.WARN || now - toldAt < BETWEEN_LINES.toNanos()) {
      return;
    }
    toldAt = now;
    Throwable cause = status.getThrowable();
    tell.accept(
        "the log is not written: "
            + status.getMessage()
            + (cause == null ? "" : ": " + cause.getMessage()));
  }
}
