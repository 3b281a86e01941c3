package dev.backstep.job.backup;

import dev.backstep.catalog.MariaDbServer;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** On a real MariaDB. */
class BaseRulesMariaDbIT extends BaseRules {

  @DynamicPropertySource
  static void database(DynamicPropertyRegistry registry) {
    MariaDbServer.shared().newDatabase().forEach((name, value) -> registry.add(name, () -> value));
  }
}
