package dev.backstep.catalog;

import java.nio.file.Path;

/** On a real MariaDB. */
class MariaDbMovedBackupsIT extends MovedBackupsContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.mariaDb(home, clock);
  }
}
