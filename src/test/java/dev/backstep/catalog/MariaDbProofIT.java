package dev.backstep.catalog;

import java.nio.file.Path;

class MariaDbProofIT extends ProofContract {

  @Override
  TestCatalog open(Path home, MovableClock clock) throws Exception {
    return TestCatalog.mariaDb(home, clock);
  }
}
