package dev.backstep.catalog;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.VmId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What administrators are told of a catalog, of which each test has a VM of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class AdminTest {

  static final AtomicInteger MACHINES = new AtomicInteger();
  static final PageRequest MANY = PageRequest.first(1000);
  static final long MIB = 1 << 20;

  /** Leases go by the server's clock there, so that time cannot be any. */
  final MovableClock clock = new MovableClock(Instant.now());

  TestCatalog catalog;
  AdminQueries admin;
  VmId vm = new VmId("none");
  long lease;

  abstract TestCatalog open(Path home, MovableClock clock) throws Exception;

  @BeforeAll
  void openCatalog(@TempDir Path home) throws Exception {
    catalog = open(home, clock);
    admin = new AdminQueries(catalog.dataSource, catalog.leases);
  }

  @AfterAll
  void closeCatalog() {
    catalog.close();
  }

  @BeforeEach
  void newVm() {
    vm = new VmId("vm" + MACHINES.incrementAndGet());
    catalog.machines.register(vm, vm.value());
    lease = catalog.leases.acquire(ProcessIdentity.current(), Duration.ofDays(3)).token();
  }

  /** A column of what administrators' own statement shows; null where there is nothing. */
  List<String> file(String name, String column) throws IOException {
    String sql = SqlFiles.statement(Path.of("ops", "sql", name), vm.value(), "none");
    return catalog.jdbc.sql(sql).query((row, index) -> row.getString(column)).list();
  }

  static <T> List<String> ids(Page<T> page, Function<T, String> id) {
    return page.items().stream().map(id).toList();
  }

  RunningBackup running(BackupId id) {
    return admin.running().stream().filter(row -> row.id().equals(id)).findFirst().orElseThrow();
  }

  VmId anotherVm() {
    VmId other = new VmId("vm" + MACHINES.incrementAndGet());
    catalog.machines.register(other, other.value());
    return other;
  }
}
