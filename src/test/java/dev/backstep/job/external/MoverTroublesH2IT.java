package dev.backstep.job.external;

import java.util.Map;

/** On the embedded database. */
class MoverTroublesH2IT extends MoverTroubles {

  @Override
  Map<String, String> database() {
    return Map.of();
  }
}
