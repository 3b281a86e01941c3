package dev.backstep.catalog;

import java.nio.file.Path;

/** On the embedded database. */
class H2MovedBackupsTests extends MovedBackupsContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.h2(home, clock);
  }
}
