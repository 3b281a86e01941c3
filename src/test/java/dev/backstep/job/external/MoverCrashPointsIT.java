package dev.backstep.job.external;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.ExternalBackup;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.CatalogWitness;
import dev.backstep.testing.CrashPoints;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/**
 * The power goes at every point of a backup whose disks another program copies, from its beginning
 * to its completion: what that program wrote and nobody forced may be lost as well.
 */
class MoverCrashPointsIT extends MoverTest {

  @Override
  Map<String, String> database() {
    return Map.of();
  }

  @Test
  void whatWasAcknowledgedIsThere() throws Exception {
    Path root = Files.createDirectory(folder.resolve("root"));
    definition = definition.replace(folder + "/repository", root + "/repository");
    Acknowledged acknowledged = new Acknowledged();
    CatalogWitness witness =
        new CatalogWitness(program.bean(DataSource.class), VmId.ofName(vm), vm);
    for (String kind : new String[] {"full", "overlay"}) {
      CrashPoints cuts = new CrashPoints();
      try (FileRecording recording = FileRecording.start(root, witness)) {
        ExternalBackup backup = program.begin(definition);
        acknowledged.held(backup.id(), contents());
        BackupRow row = completeAll(backup, kind);
        recording.close();

        assertThat(row.status()).isEqualTo(Status.COMPLETED);
        cuts.everyPoint(recording, witness.get(), acknowledged, folder.resolve("cut"));
      }
      new Reliability(Suite.MOVER_CRASH_POINTS, "power cut, " + kind)
          .with("points", cuts.points())
          .with("folders", cuts.folders())
          .with("images checked and compared", acknowledged.imagesChecked())
          .write();
      disks.live(0);
      disks.live(1);
    }
  }

  private Map<Integer, byte[]> contents() throws IOException {
    Map<Integer, byte[]> contents = new HashMap<>();
    for (int disk = 0; disk < 2; disk++) {
      contents.put(disk, Files.readAllBytes(disks.file(disk)));
    }
    return contents;
  }
}
