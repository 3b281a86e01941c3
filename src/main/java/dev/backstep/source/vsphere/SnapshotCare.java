package dev.backstep.source.vsphere;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after disks that are open: keeps the session alive, which reading and writing through
 * nbdkit does not, and ends what serves disks that nobody reads.
 */
final class SnapshotCare implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(SnapshotCare.class);

  private static final long LOOK_MILLIS = 1000;

  /** A vCenter forgets a session that was silent for half an hour. */
  private static final Duration ALIVE = Duration.ofMinutes(5);

  private final VsphereGateway gateway;
  private final List<VsphereDisk> disks;
  private final Duration alive;
  private boolean closed;

  SnapshotCare(VsphereGateway gateway, List<VsphereDisk> disks) {
    this(gateway, disks, ALIVE);
  }

  /**
   * @param alive how long the session may be silent
   */
  SnapshotCare(VsphereGateway gateway, List<VsphereDisk> disks, Duration alive) {
    this.gateway = gateway;
    this.disks = List.copyOf(disks);
    this.alive = alive;
  }

  void start() {
    Thread.ofPlatform().daemon().name("vsphere-care").start(this::run);
  }

  private void run() {
    long told = System.nanoTime();
    while (waited()) {
      disks.forEach(VsphereDisk::endIdle);
      if (System.nanoTime() - told > alive.toNanos()) {
        told = System.nanoTime();
        keepAlive();
      }
    }
  }

  private synchronized boolean waited() {
    if (!closed) {
      try {
        wait(LOOK_MILLIS);
      } catch (InterruptedException e) {
        return false;
      }
    }
    return !closed;
  }

  private void keepAlive() {
    try {
      gateway.now();
    } catch (IOException e) {
      log.info("the session is not kept alive: {}", e.getMessage());
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
