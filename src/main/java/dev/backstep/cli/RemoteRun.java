package dev.backstep.cli;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupRun;
import dev.backstep.job.DiskProgress;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A backup that a server runs, followed by its events in a thread of its own. A stream that breaks
 * off is begun anew; a server that is gone, or does not answer for long, is given up; its backup is
 * not.
 */
final class RemoteRun implements BackupRun {

  private static final Duration SILENCE_MAX = Duration.ofSeconds(60);
  private static final Duration PAUSE = Duration.ofMillis(500);

  private final RemoteClient client;
  private final BackupId id;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile Status status = Status.QUEUED;
  private volatile List<DiskProgress> disks = List.of();
  private volatile Optional<String> waitingFor = Optional.empty();
  private volatile Optional<String> error = Optional.empty();
  private volatile @Nullable OperatorException lost;

  private RemoteRun(RemoteClient client, BackupId id) {
    this.client = client;
    this.id = id;
  }

  static RemoteRun follow(RemoteClient client, BackupId id) {
    RemoteRun run = new RemoteRun(client, id);
    Thread.ofVirtual().name("events-" + id).start(run::follow);
    return run;
  }

  private void follow() {
    long heard = System.nanoTime();
    try {
      while (ended.getCount() > 0) {
        try (Stream<String> lines =
            client.lines("/api/v1/backups/" + RemoteClient.encoded(id.value()) + "/events")) {
          heard = read(lines.iterator());
        } catch (IOException | UncheckedIOException e) {
          if (!client.serverLives() || System.nanoTime() - heard > SILENCE_MAX.toNanos()) {
            throw OperatorException.failed(
                "the server at "
                    + client.url()
                    + " does not answer any more ("
                    + e.getMessage()
                    + "); "
                    + id
                    + " goes on by itself when it serves again: `backstep show "
                    + id
                    + "`",
                e);
          }
        }
        if (ended.getCount() > 0) {
          Thread.sleep(PAUSE);
        }
      }
    } catch (OperatorException e) {
      lost = e;
      ended.countDown();
    } catch (InterruptedException e) {
      ended.countDown(); // nobody does that
    }
  }

  /** Returns when the last event came. */
  private long read(Iterator<String> lines) {
    String name = "";
    long heard = System.nanoTime();
    while (lines.hasNext()) {
      String line = lines.next();
      heard = System.nanoTime();
      if (line.startsWith("event:")) {
        name = line.substring("event:".length()).strip();
      } else if (line.startsWith("data:")) {
        event(name, RemoteClient.JSON.readTree(line.substring("data:".length())));
      }
    }
    return heard;
  }

  private void event(String name, JsonNode data) {
    status = Status.valueOf(data.get("status").asString());
    if (name.equals("progress")) {
      disks = RemoteRows.progress(data);
      waitingFor = RemoteRows.text(data, "waiting_for");
    } else if (name.equals("end")) {
      error = RemoteRows.text(data, "error");
      waitingFor = Optional.empty();
      ended.countDown();
    }
  }

  @Override
  public BackupId backup() {
    return id;
  }

  @Override
  public List<DiskProgress> progress() {
    return disks;
  }

  @Override
  public Optional<String> waitingFor() {
    return waitingFor;
  }

  /**
   * @throws OperatorException FAILED when the server is gone, or has not answered for a minute
   */
  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    boolean over = ended.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    OperatorException problem = lost;
    if (problem != null) {
      throw problem;
    }
    return over;
  }

  @Override
  public Status status() {
    return status;
  }

  @Override
  public Optional<String> error() {
    return error;
  }

  @Override
  public Optional<OperatorException.Kind> failure() {
    return status == Status.FAILED ? Optional.of(OperatorException.Kind.FAILED) : Optional.empty();
  }
}
