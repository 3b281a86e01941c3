package dev.backstep.catalog;

import dev.backstep.domain.Mover;
import dev.backstep.domain.Origin;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a backup came to be and when a server may begin or go on with it.
 *
 * @param requestedBy name of the token or user; empty for schedules
 * @param sourceHost where its source is, for the limit of backups at once per host; may be empty
 * @param scheduledAt the fire time of its schedule
 * @param startAfter from when on a server may begin or go on with it; empty: only when asked to
 * @param stopAt the end of its window: it stops at a chunk then
 * @param attempts how often it was begun or gone on with
 * @param waitingFor why it has not begun although its time has come
 */
public record Launch(
    Origin origin,
    Optional<String> requestedBy,
    Mover mover,
    Optional<String> sourceHost,
    Optional<Instant> scheduledAt,
    Optional<Instant> startAfter,
    Optional<Instant> stopAt,
    int attempts,
    Optional<String> waitingFor,
    List<String> tags) {

  public Launch {
    tags = List.copyOf(tags);
  }

  /** Of a backup that a command runs in its own process. */
  public static Launch byCommand() {
    return new Launch(
        Origin.COMMAND,
        Optional.empty(),
        Mover.INTERNAL,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        Optional.empty(),
        List.of());
  }

  /** Of a backup that somebody asked the server for; it may begin at once. */
  public static Launch byApi(String requestedBy, List<String> tags) {
    return new Launch(
        Origin.API,
        Optional.of(requestedBy),
        Mover.INTERNAL,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        0,
        Optional.empty(),
        tags);
  }

  /** The same with the bytes copied by another program. */
  public Launch ofMover() {
    return new Launch(
        origin,
        requestedBy,
        Mover.EXTERNAL,
        sourceHost,
        scheduledAt,
        startAfter,
        stopAt,
        attempts,
        waitingFor,
        tags);
  }

  /** The same with its source's place known. */
  public Launch at(Optional<String> host) {
    return new Launch(
        origin,
        requestedBy,
        mover,
        host,
        scheduledAt,
        startAfter,
        stopAt,
        attempts,
        waitingFor,
        tags);
  }
}
