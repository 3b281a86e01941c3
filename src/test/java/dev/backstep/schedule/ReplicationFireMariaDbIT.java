package dev.backstep.schedule;

import dev.backstep.catalog.MariaDbServer;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.context.TestPropertySource;

/** On a real MariaDB. */
@TestPropertySource(properties = "test.scheduler=on-mariadb")
class ReplicationFireMariaDbIT extends ReplicationFireRules {

  @DynamicPropertySource
  static void database(DynamicPropertyRegistry registry) {
    MariaDbServer.shared().newDatabase().forEach((name, value) -> registry.add(name, () -> value));
  }
}
