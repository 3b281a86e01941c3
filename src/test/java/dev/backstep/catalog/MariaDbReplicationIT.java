package dev.backstep.catalog;

import java.nio.file.Path;

class MariaDbReplicationIT extends ReplicationContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.mariaDb(home, clock);
  }
}
