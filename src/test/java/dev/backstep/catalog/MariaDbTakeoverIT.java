package dev.backstep.catalog;

import java.nio.file.Path;
import java.time.Clock;

class MariaDbTakeoverIT extends TakeoverContract {

  @Override
  TestCatalog open(Path home) throws Exception {
    return TestCatalog.mariaDb(home, Clock.systemUTC());
  }
}
