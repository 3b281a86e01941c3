package dev.backstep.catalog;

import java.nio.file.Path;
import java.time.Clock;

class H2TakeoverTests extends TakeoverContract {

  @Override
  TestCatalog open(Path home) throws Exception {
    return TestCatalog.h2(home, Clock.systemUTC());
  }
}
