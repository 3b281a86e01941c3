package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.ResumedMerge;
import dev.backstep.blockio.ChangeSite;
import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupRow;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.WriteError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * Every place in the program that changes a file or a folder of a repository, found by watching
 * work that goes well, meets every error that the system may give it there, once and always. What
 * was published stays right; the error names the file and what to do; a relaunch finishes. {@code
 * -Derrors.all=true} has all errors last; else only the full disk does.
 */
class ErrorMatrixIT extends FaultTest {

  private static final boolean ALL = Boolean.getBoolean("errors.all");

  private static final Set<Work> WORKS =
      EnumSet.complementOf(EnumSet.of(Work.CONSOLIDATE)); // as a merge

  /** Of these every place meets an error, also those that backups have in common with them. */
  private static final Set<Work> TASKS = EnumSet.of(Work.PRUNE, Work.MERGE, Work.COPY);

  private final List<String> unclear = new ArrayList<>();
  private int cases;
  private int failed;

  @Test
  void publishedImagesStayCleanAndErrorsSayWhere() throws Exception {
    Set<ChangeSite> done = new LinkedHashSet<>();
    for (Work work : WORKS) {
      Set<ChangeSite> sites = sitesOf(work);
      for (ChangeSite site : sites) {
        if (done.contains(site)) {
          if (TASKS.contains(work)) {
            meets(work, site, WriteError.EIO, false); // the same place, on another's behalf
          }
          continue;
        }
        for (WriteError error : WriteError.values()) {
          for (boolean always : error.fits(site) ? onceOrAlways(error) : new boolean[0]) {
            meets(work, site, error, always);
          }
        }
      }
      done.addAll(sites);
    }
    assertThat(unclear).as("errors that do not name the file, or not what to do").isEmpty();
    new Reliability(
            Suite.ERROR_MATRIX,
            "every write site, every error once, " + (ALL ? "and always" : "a full disk always"))
        .with("sites", done.size())
        .with("cases", cases)
        .with("cases in which the work failed and was finished later", failed)
        .listing(done.stream().map(ChangeSite::toString).sorted().toList())
        .write();
  }

  /** A full disk lasts; the other errors do too where all is asked for. */
  private static boolean[] onceOrAlways(WriteError error) {
    return ALL || error == WriteError.ENOSPC ? new boolean[] {false, true} : new boolean[] {false};
  }

  /**
   * Whoever goes on with an image cuts its files to what their state says: sites that no work has
   * which is done in one go.
   */
  @Test
  void imageThatIsGoneOnWithMeetsThemToo() throws Exception {
    Set<ChangeSite> sites = new LinkedHashSet<>();
    Path whole = Files.createDirectory(folder.resolve("whole"));
    ResumedMerge watched = new ResumedMerge(whole);
    try (FileRecording recording = FileRecording.start(whole, () -> "")) {
      watched.run();
      recording.steps().forEach(step -> sites.add(step.site()));
    }
    for (ChangeSite site : sites) {
      for (WriteError error : WriteError.values()) {
        for (boolean always : error.fits(site) ? onceOrAlways(error) : new boolean[0]) {
          meetsGoingOn(site, error, always);
        }
      }
    }
    assertThat(sites.stream().filter(site -> site.call().equals("truncate")).map(ChangeSite::what))
        .containsExactlyInAnyOrder("*.sums.partial", "*.qcow2.partial");
    assertThat(unclear).as("errors that do not name the file, or not what to do").isEmpty();
    new Reliability(Suite.ERROR_MATRIX, "an image that is gone on with, the same")
        .with("sites", sites.size())
        .with("cases", cases)
        .with("cases in which the work failed and was finished later", failed)
        .listing(sites.stream().map(ChangeSite::toString).sorted().toList())
        .write();
  }

  private void meetsGoingOn(ChangeSite where, WriteError error, boolean always) throws Exception {
    String when = "gone on with: %s, %s at %s".formatted(error, always ? "always" : "once", where);
    Path root = Files.createDirectory(folder.resolve("resumed-" + cases++));
    ResumedMerge merge = new ResumedMerge(root);
    AtomicInteger met = new AtomicInteger();
    try (FileRecording recording = FileRecording.start(root, () -> "")) {
      recording.fail(fault(where, error, always, met));
      String told = "";
      try {
        merge.run();
      } catch (IOException e) {
        told = String.valueOf(e.getMessage());
      }
      recording.fail(null);

      assertThat(met.get()).as(when).isPositive();
      merge.check(when);
      judge(told, where, error, when, root.toString());
      merge.run();
      merge.publish();
      merge.check(when + ", finished later");
      new CrashedFolder(recording, recording.steps().size(), CrashedFolder.Loss.EVERYTHING)
          .writeTo(root);
      merge.check(when + ", finished later, and then the power went");
    }
  }

  /** The proof that the matrix would notice code that forces again and takes it for done. */
  @Test
  void forceThatIsTriedAgainIsNoticed() throws Exception {
    int noticed = 0;
    for (ChangeSite site : sitesOf(Work.FULL)) {
      if (site.call().equals("force") && !site.what().equals("folder")) {
        try (Victim victim = new Victim(Work.FULL);
            FileRecording recording = victim.record()) {
          AtomicInteger met = new AtomicInteger();
          recording.forgetFailedForces();
          recording.fail((number, at, bytes) ->
              at.equals(site) && met.getAndIncrement() == 0
                  ? WriteError.EIO.meet(at, bytes)
                  : bytes);
          Work.FULL.run(victim);
          new CrashedFolder(recording, recording.steps().size(), CrashedFolder.Loss.EVERYTHING)
              .writeTo(victim.root);
          noticed += isNoticed(victim) ? 1 : 0;
        }
      }
    }
    new Reliability(Suite.ERROR_MATRIX, "forces that are tried again as if clean")
        .with("noticed", noticed)
        .write();
    assertThat(noticed).isGreaterThanOrEqualTo(5);
  }

  private static boolean isNoticed(Victim victim) throws IOException {
    try {
      victim.check("");
      return false;
    } catch (AssertionError | IOException e) {
      return true;
    }
  }

  private Set<ChangeSite> sitesOf(Work work) throws Exception {
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      work.run(victim);
      Set<ChangeSite> sites = new LinkedHashSet<>();
      recording.steps().forEach(step -> sites.add(step.site()));
      return sites;
    }
  }

  private void meets(Work work, ChangeSite where, WriteError error, boolean always)
      throws Exception {
    String when = "%s: %s, %s at %s".formatted(work, error, always ? "always" : "once", where);
    AtomicInteger met = new AtomicInteger();
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      recording.fail(fault(where, error, always, met));
      cases++;
      String told = run(work, victim);
      recording.fail(null);

      assertThat(met.get()).as(when).isPositive();
      victim.check(when);
      judge(told, where, error, when, victim.vm);
      victim.startAgain();
      victim.check(when + ", finished later");
      new CrashedFolder(recording, recording.steps().size(), CrashedFolder.Loss.EVERYTHING)
          .writeTo(victim.root);
      victim.check(when + ", finished later, and then the power went");
    }
  }

  private static FileRecording.Fault fault(
      ChangeSite where, WriteError error, boolean always, AtomicInteger met) {
    return (number, site, bytes) ->
        site.equals(where) && (met.getAndIncrement() == 0 || always)
            ? error.meet(site, bytes)
            : bytes;
  }

  /**
   * @param told of the failure; empty when there was none
   * @param place what must be named
   */
  private void judge(String told, ChangeSite where, WriteError error, String when, String place) {
    if (error == WriteError.SHORT) {
      assertThat(told).as(when).isEmpty();
    } else if (told.isEmpty()) {
      // There is another way, as on a file system without links. For a force or a cut there is
      // none.
      assertThat(where.call()).as(when).isNotIn("force", "truncate");
    } else {
      if (!WriteError.isClear(told, place)) {
        unclear.add(when + ": " + told);
      }
      failed++;
    }
  }

  /** What is told of a failure; empty when there was none. */
  private static String run(Work work, Victim victim) throws Exception {
    try {
      work.run(victim);
    } catch (RuntimeException e) {
      return e.getMessage();
    }
    return work.isBackup() && !victim.isComplete()
        ? victim.newest().flatMap(BackupRow::error).orElse("no error")
        : "";
  }
}
