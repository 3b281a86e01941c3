package dev.backstep.catalog;

import java.nio.file.Path;

class MariaDbMovedReplicationIT extends MovedReplicationContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.mariaDb(home, clock);
  }
}
