package dev.backstep.job.external;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.ChangeSite;
import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.OperatorException;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.CatalogWitness;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.WriteError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/**
 * Every place that changes a repository for a backup whose disks another program copies meets each
 * error there, once and always. What was published stays right, errors say where and what to do,
 * and the mover gets its backup done: by the same calls again, or by a new backup when it is told
 * so.
 */
class MoverErrorMatrixIT extends MoverTest {

  private final List<String> unclear = new ArrayList<>();
  private int victims;
  private int cases;
  private int failed;
  private int givenUp;

  @Override
  Map<String, String> database() {
    return Map.of();
  }

  /** A VM of the same disks, with a repository of its own. */
  private final class Victim {

    final String name = vm + "-" + victims++;
    final Path root;
    final CatalogWitness witness =
        new CatalogWitness(program.bean(DataSource.class), VmId.ofName(name), name);
    final Acknowledged acknowledged = new Acknowledged();

    Victim() throws IOException {
      root = Files.createDirectory(folder.resolve(name));
    }

    Optional<BackupRow> newest() {
      return program.queries().list(Optional.of(name), 10).stream().findFirst();
    }

    void backUp() throws IOException {
      String text =
          definition
              .replace("vm: " + vm + "\n", "vm: " + name + "\n")
              .replace(folder + "/repository", root + "/repository");
      ExternalBackup backup = program.begin(text);
      acknowledged.held(backup.id(), contents());
      for (ExternalBackup.Disk disk : backup.disks()) {
        disks.copyAll(disk.diskId(), disk.export().orElseThrow());
      }
      complete(backup.id().value());
    }

    void complete(String backup) {
      for (int disk = 0; disk < 2; disk++) {
        program.complete(backup, disk, "c" + disk);
      }
    }

    /** As a mover does that was told of a failure. */
    void finish() throws Exception {
      Optional<BackupRow> row = newest();
      if (row.isPresent() && row.get().status() == Status.RUNNING) {
        complete(row.get().id().value());
      } else if (row.isEmpty() || row.get().status() == Status.FAILED) {
        givenUp++;
        backUp();
      }
      assertThat(newest().orElseThrow().status()).isEqualTo(Status.COMPLETED);
    }

    void check(String when) throws IOException {
      acknowledged.check(root, witness.get(), when);
    }
  }

  private Map<Integer, byte[]> contents() throws IOException {
    Map<Integer, byte[]> contents = new HashMap<>();
    for (int disk = 0; disk < 2; disk++) {
      contents.put(disk, Files.readAllBytes(disks.file(disk)));
    }
    return contents;
  }

  @Test
  void publishedImagesStayCleanAndErrorsSayWhere() throws Exception {
    Set<ChangeSite> sites = new LinkedHashSet<>();
    Victim whole = new Victim();
    try (FileRecording recording = FileRecording.start(whole.root, whole.witness)) {
      whole.backUp();
      recording.steps().forEach(step -> sites.add(step.site()));
    }
    for (ChangeSite site : sites) {
      for (WriteError error : WriteError.values()) {
        if (error.fits(site)) {
          meets(site, error, false);
          meets(site, error, true);
        }
      }
    }
    assertThat(unclear).as("errors that do not name the file, or not what to do").isEmpty();
    new Reliability(Suite.MOVER_ERRORS, "every write site, every error, once and always")
        .with("sites", sites.size())
        .with("cases", cases)
        .with("cases in which a call failed and the backup was finished later", failed)
        .with("of these, by a new backup", givenUp)
        .listing(sites.stream().map(ChangeSite::toString).sorted().toList())
        .write();
  }

  private void meets(ChangeSite where, WriteError error, boolean always) throws Exception {
    String when = "%s, %s at %s".formatted(error, always ? "always" : "once", where);
    AtomicInteger met = new AtomicInteger();
    Victim victim = new Victim();
    try (FileRecording recording = FileRecording.start(victim.root, victim.witness)) {
      recording.fail((number, site, bytes) ->
          site.equals(where) && (met.getAndIncrement() == 0 || always)
              ? error.meet(site, bytes)
              : bytes);
      cases++;
      try {
        victim.backUp();
      } catch (OperatorException e) {
        failed++;
        if (!WriteError.isClear(String.valueOf(e.getMessage()), victim.name)) {
          unclear.add(when + ": " + e.getMessage());
        }
      }
      recording.fail(null);

      assertThat(met.get()).as(when).isPositive();
      victim.check(when);
      victim.finish();
      victim.check(when + ", finished later");
      new CrashedFolder(recording, recording.steps().size(), CrashedFolder.Loss.EVERYTHING)
          .writeTo(victim.root);
      victim.check(when + ", finished later, and then the power went");
    }
  }
}
