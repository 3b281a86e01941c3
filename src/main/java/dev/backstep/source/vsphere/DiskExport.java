package dev.backstep.source.vsphere;

import dev.backstep.nbd.NbdUri;
import dev.backstep.source.NbdServer;
import dev.backstep.source.SourceException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A disk's nbdkit: started when somebody wants bytes, kept for a moment when nobody does any more,
 * for planning, auditing and copying a disk follow each other and a VDDK takes seconds to connect.
 * Thread-safe.
 */
final class DiskExport implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(DiskExport.class);

  private static final Duration IDLE_MAX = Duration.ofSeconds(10);

  /**
   * A VDDK closes its disk at the server when it is ended; one that is killed before leaves it
   * locked, and the snapshot cannot be removed.
   */
  private static final Duration END_MAX = Duration.ofMinutes(1);

  private final Vddk vddk;
  private final Vddk.Disk disk;
  private final String thumbprint;
  private final ConnectionLimits limits;
  private final List<ConnectionLimits.Place> places;

  /** Held while waiting for room; whoever only looks for what is idle does not wait for it. */
  private final ReentrantLock lock = new ReentrantLock();

  private @Nullable NbdServer server;
  private ConnectionLimits.@Nullable Room room;
  private int users;
  private long idleSince;
  private boolean closed;

  DiskExport(
      Vddk vddk,
      Vddk.Disk disk,
      String thumbprint,
      ConnectionLimits limits,
      List<ConnectionLimits.Place> places) {
    this.vddk = vddk;
    this.disk = disk;
    this.thumbprint = thumbprint;
    this.limits = limits;
    this.places = List.copyOf(places);
  }

  /** Where the disk is served, for as long as this is not closed. */
  final class Use implements AutoCloseable {

    private final NbdUri uri;
    private boolean ended;

    private Use(NbdUri uri) {
      this.uri = uri;
    }

    NbdUri uri() {
      return uri;
    }

    @Override
    public void close() {
      lock.lock();
      try {
        if (!ended) {
          ended = true;
          users--;
          idleSince = System.nanoTime();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /** Serves the disk, if it is not served already; waits for room at the vCenter before. */
  Use use() throws SourceException {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException(disk + ": its snapshot is closed");
      }
      NbdServer running = server;
      if (running == null || !running.isAlive()) {
        running = start();
      }
      users++;
      return new Use(running.uri());
    } finally {
      lock.unlock();
    }
  }

  private NbdServer start() throws SourceException {
    end();
    ConnectionLimits.Room taken = limits.take(places);
    try {
      NbdServer started = vddk.serve(disk, thumbprint);
      room = taken;
      server = started;
      return started;
    } catch (SourceException | RuntimeException e) {
      taken.close();
      throw e;
    }
  }

  /** Ends what nobody has used for a while, so that its room is others'. */
  void endIdle() {
    if (lock.tryLock()) {
      try {
        boolean unused = System.nanoTime() - idleSince > IDLE_MAX.toNanos();
        if (users == 0 && (unused || limits.isWanted())) {
          end();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /** Ends it; gone when this returns. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      end();
    } finally {
      lock.unlock();
    }
  }

  private void end() {
    if (server != null) {
      if (!server.end(END_MAX)) {
        log.info("{}: its nbdkit did not end in order: {}", disk, server.errors());
      }
      server = null;
    }
    if (room != null) {
      room.close();
      room = null;
    }
  }
}
