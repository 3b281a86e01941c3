package dev.backstep.job;

import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Lease;
import dev.backstep.catalog.Leases;
import dev.backstep.catalog.ProcessIdentity;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.stereotype.Component;

/**
 * This process's sign of life in the database, taken when the first backup is launched and renewed
 * until the end. Its token is the fencing token of everything that this process publishes. A lease
 * that was lost is not taken again: what ran under it must not publish, and a new launch gets a new
 * one. Thread-safe.
 */
@Component
public class ProcessLease implements DisposableBean {

  private static final Logger log = LoggerFactory.getLogger(ProcessLease.class);

  private final Leases leases;
  private final Duration ttl;
  private final ScheduledExecutorService renewals =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("lease").factory());
  private @Nullable Lease lease;
  private volatile boolean failing;

  ProcessLease(Leases leases, JobSettings settings) {
    this.leases = leases;
    this.ttl = settings.leaseTtl();
    long period = ttl.toMillis() / 4;
    renewals.scheduleWithFixedDelay(this::renew, period, period, TimeUnit.MILLISECONDS);
  }

  /** The fencing token to launch under. */
  public synchronized long token() {
    Lease held = lease;
    if (held == null) {
      held = leases.acquire(ProcessIdentity.current(), ttl);
      lease = held;
    }
    return held.token();
  }

  /** Whether this is the lease that this process holds now. */
  public synchronized boolean holds(long token) {
    Lease held = lease;
    return held != null && held.token() == token;
  }

  /** Whether the last sign of life, if any was due, could be written. */
  public boolean isWritten() {
    return !failing;
  }

  private synchronized void renew() {
    Lease held = lease;
    if (held == null) {
      return;
    }
    try {
      leases.renew(held.token(), ttl);
      failing = false;
    } catch (FencedException e) {
      failing = false;
      log.error("what runs under lease {} will not be published: {}", held.token(), e.getMessage());
      lease = null;
    } catch (RuntimeException e) {
      failing = true;
      log.warn("lease {} could not be renewed, trying again: {}", held.token(), e.getMessage());
    }
  }

  private void release(Lease held) {
    try {
      leases.release(held.token());
    } catch (RuntimeException e) {
      log.warn("lease {} could not be let go and ends by itself: {}", held.token(), e.getMessage());
    }
  }

  @Override
  public void destroy() {
    renewals.shutdown();
    synchronized (this) {
      Lease held = lease;
      if (held != null) {
        lease = null;
        release(held);
      }
    }
  }
}
