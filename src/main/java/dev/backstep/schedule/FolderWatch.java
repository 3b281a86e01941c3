package dev.backstep.schedule;

import dev.backstep.job.OperatorException;
import dev.backstep.job.definition.JobFolder;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;

/**
 * Reloads the job definitions when the server starts, when their folder has changed and is quiet
 * again, and when the clock was set, since triggers may wait for a time that is no more.
 */
final class FolderWatch implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(FolderWatch.class);

  /** What adjusts a clock by less does so all the time. */
  private static final Duration JUMP_MIN = Duration.ofMinutes(1);

  private final JobFolder folder;
  private final DefinitionReload reload;
  private final Clock clock;
  private final Rounds rounds;
  private final boolean watches;

  private String loaded = "";
  private String seen = "";
  private Instant wall;
  private long nanos;
  private volatile boolean running;

  FolderWatch(JobFolder folder, DefinitionReload reload, Duration interval, Clock clock) {
    this.folder = folder;
    this.reload = reload;
    this.clock = clock;
    this.watches = !interval.isZero();
    this.rounds = new Rounds("definitions", watches ? interval : JUMP_MIN, this::round);
    this.wall = clock.instant();
    this.nanos = System.nanoTime();
  }

  /** What was removed while no server ran does not fire any more. */
  @Override
  public void start() {
    running = true;
    loaded = folder.state();
    seen = loaded;
    load();
    rounds.start();
  }

  @Override
  public void stop() {
    rounds.close();
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /** Started before the scheduler is. */
  @Override
  public int getPhase() {
    return Integer.MAX_VALUE - 10;
  }

  void round() {
    boolean jumped = clockJumped();
    String now = watches ? folder.state() : loaded;
    boolean quiet = now.equals(seen);
    seen = now;
    // Half a file, or none between two renames, is not what the operator means.
    if (jumped || (quiet && !now.equals(loaded))) {
      loaded = now;
      load();
    }
  }

  private void load() {
    try {
      reload.run();
    } catch (OperatorException e) {
      log.error("{}", e.getMessage());
    }
  }

  private boolean clockJumped() {
    Instant now = clock.instant();
    long passed = System.nanoTime() - nanos;
    Duration jump = Duration.between(wall.plusNanos(passed), now);
    wall = now;
    nanos += passed;
    if (jump.abs().compareTo(JUMP_MIN) < 0) {
      return false;
    }
    log.warn("the clock was set by {}; schedules are looked at again", jump);
    return true;
  }
}
