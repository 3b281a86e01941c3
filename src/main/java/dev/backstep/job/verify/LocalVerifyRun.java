package dev.backstep.job.verify;

import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.job.VerifyRun;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A verification that this process runs. */
record LocalVerifyRun(String id, CountDownLatch ended, VerificationQueries queries)
    implements VerifyRun {

  @Override
  public VerificationRow state() {
    return queries.find(id).orElseThrow();
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    return ended.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
  }
}
