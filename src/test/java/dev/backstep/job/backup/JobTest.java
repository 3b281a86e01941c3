package dev.backstep.job.backup;

import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.testing.TemporaryHome;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.quartz.autoconfigure.QuartzAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/** Runs real jobs on an embedded database, against simulated machines. */
@SpringBootTest(classes = JobTest.Application.class)
abstract class JobTest {

  static {
    // Logging asks for it before any test property is there.
    System.setProperty("backstep.home", TemporaryHome.make().toString());
  }

  @SpringBootConfiguration
  @EnableAutoConfiguration(exclude = QuartzAutoConfiguration.class)
  @Import({CatalogConfiguration.class, BackupConfiguration.class})
  static class Application {
    @Bean
    SimulatedSource simulatedSource() {
      return new SimulatedSource();
    }
  }
}
