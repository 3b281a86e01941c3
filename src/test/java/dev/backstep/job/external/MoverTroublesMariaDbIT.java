package dev.backstep.job.external;

import dev.backstep.catalog.MariaDbServer;
import java.util.Map;

/** On a real MariaDB. */
class MoverTroublesMariaDbIT extends MoverTroubles {

  @Override
  Map<String, String> database() {
    return MariaDbServer.shared().newDatabase();
  }
}
