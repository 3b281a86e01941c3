package dev.backstep.catalog;

import java.nio.file.Path;

class H2LeftAloneTests extends LeftAloneContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.h2(home, clock);
  }
}
