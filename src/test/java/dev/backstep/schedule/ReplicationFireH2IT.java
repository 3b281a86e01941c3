package dev.backstep.schedule;

import org.springframework.test.context.TestPropertySource;

/** On the embedded database. */
@TestPropertySource(properties = "test.scheduler=on-h2")
class ReplicationFireH2IT extends ReplicationFireRules {}
