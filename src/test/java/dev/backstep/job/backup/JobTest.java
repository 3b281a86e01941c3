package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.domain.DiskKey;
import dev.backstep.repository.Repository;
import dev.backstep.testing.TemporaryHome;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** In the repository of that folder; each image is checked with the stock tools. */
  static void sameDisks(Path folder, BackupRow backup, SimulatedDisk... disks) throws Exception {
    Repository.open(folder.resolve("repository")).restorePoint(backup.vmId(), backup.id());
    for (int i = 0; i < disks.length; i++) {
      assertThat(backup.disks().get(i).diskKey()).isEqualTo(new DiskKey(disks[i].key()));
      Path model = folder.resolve("model.raw");
      Files.write(model, disks[i].content());
      Tool.checkImage(image(backup, i));
      Tool.compare(image(backup, i), "qcow2", model, "raw");
    }
  }

  static Path image(BackupRow backup, int diskId) {
    return Path.of(backup.repositoryPath())
        .resolve("vms/" + backup.vmId() + "/disk-" + diskId)
        .resolve(backup.disks().get(diskId).image().orElseThrow());
  }
}
