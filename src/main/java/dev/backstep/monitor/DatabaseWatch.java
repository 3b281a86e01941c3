package dev.backstep.monitor;

import dev.backstep.catalog.FigureQueries;
import dev.backstep.catalog.Figures;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Asks the database every ten seconds how things stand, so that neither a scrape nor a question
 * after the server's health waits for it, however often they come. Thread-safe.
 */
@Component
final class DatabaseWatch implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(DatabaseWatch.class);

  private static final Duration PERIOD = Duration.ofSeconds(10);

  /** A question that takes so much longer than the period is as good as not answered. */
  private static final Duration FRESH_MAX = Duration.ofSeconds(25);

  private final FigureQueries queries;
  private final Clock clock = Clock.systemUTC();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("database-watch").factory());
  private final CopyOnWriteArrayList<Consumer<Figures>> listeners = new CopyOnWriteArrayList<>();
  private volatile Optional<Figures> last = Optional.empty();
  private volatile Instant answeredAt;
  private volatile boolean failed;
  private volatile boolean running;

  DatabaseWatch(FigureQueries queries) {
    this.queries = queries;
    this.answeredAt = clock.instant();
  }

  /** Calls back with each answer, by the thread that asks. */
  void onFigures(Consumer<Figures> listener) {
    listeners.add(listener);
  }

  /** Whether the last question was answered, and not long ago. */
  boolean isUp() {
    return !failed && answeredAt.plus(FRESH_MAX).isAfter(clock.instant());
  }

  /** The last answer, unless it is too old to be true. */
  Optional<Figures> figures() {
    return isUp() ? last : Optional.empty();
  }

  private void ask() {
    try {
      Figures figures = queries.read();
      last = Optional.of(figures);
      answeredAt = clock.instant();
      failed = false;
      listeners.forEach(listener -> listener.accept(figures));
    } catch (RuntimeException e) {
      if (!failed) {
        log.warn("the database does not say how things stand: {}", e.getMessage());
      }
      failed = true;
    }
  }

  /** The first answer is there before the first request is. */
  @Override
  public void start() {
    ask();
    running = true;
    thread.scheduleWithFixedDelay(
        this::ask, PERIOD.toMillis(), PERIOD.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void stop() {
    running = false;
    thread.shutdown();
    try {
      if (!thread.awaitTermination(1, TimeUnit.SECONDS)) {
        log.debug("the last question to the database is not answered yet");
      }
    } catch (InterruptedException e) {
      log.debug("not waited for the last question to the database", e);
    }
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Before the web server. */
  @Override
  public int getPhase() {
    return 0;
  }
}
