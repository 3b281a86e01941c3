package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A catalog on one database, of which each test has a VM of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class CatalogTest {

  static final Instant START = Instant.parse("2026-03-04T05:06:07.891Z");
  static final Duration LEASE = Duration.ofMinutes(5);
  static final AtomicInteger MACHINES = new AtomicInteger();

  final MovableClock clock = new MovableClock(START);
  TestCatalog catalog;
  VmId vm = new VmId("none");
  String vmName = "";
  long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void newVm() {
    clock.set(START);
    int number = MACHINES.incrementAndGet();
    vm = new VmId("vm" + number);
    vmName = "machine " + number;
    catalog.machines.register(vm, vmName);
    lease = catalog.lease();
  }

  /** A completed backup of disk 0. */
  BackupId completed(String changeId) throws FencedException {
    BackupId id = catalog.begin(vm, lease);
    catalog.complete(catalog.disk(id, lease, 0), lease, changeId);
    catalog.backups.sealed(id, lease, clock.instant(), Optional.empty());
    return id;
  }

  void endLease(long token) {
    catalog
        .jdbc
        .sql("update leases set expires_at = :end where token = :token")
        .param("end", UtcTime.of(Instant.parse("2020-01-01T00:00:00Z")))
        .param("token", token)
        .update();
  }

  interface PerThread {
    Object run(int thread) throws Exception;
  }

  static List<Object> atOnce(int threads, PerThread work) throws Exception {
    CyclicBarrier barrier = new CyclicBarrier(threads);
    List<Future<Object>> futures = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      for (int i = 0; i < threads; i++) {
        int thread = i;
        futures.add(
            executor.submit(() -> {
              barrier.await();
              return work.run(thread);
            }));
      }
    }
    List<Object> outcomes = new ArrayList<>();
    for (Future<Object> future : futures) {
      outcomes.add(future.get());
    }
    return outcomes;
  }

  /** What another connection sees. */
  static <T> T elsewhere(Callable<T> question) {
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      return other.submit(question).get();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  interface Step {
    void run() throws Exception;
  }

  static void unchecked(Step step) {
    try {
      step.run();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
