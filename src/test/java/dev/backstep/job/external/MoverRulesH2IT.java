package dev.backstep.job.external;

import java.util.Map;

/** On the embedded database. */
class MoverRulesH2IT extends MoverRules {

  @Override
  Map<String, String> database() {
    return Map.of();
  }
}
