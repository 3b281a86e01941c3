package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.FileRecording;
import dev.backstep.blockio.FileRecording.Site;
import dev.backstep.catalog.BackupRow;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Every place in the program that changes a file or a folder of a repository, found by watching
 * work that goes well, meets every error that the system may give it there, once and always. What
 * was published stays right; the error names the file and what to do; a relaunch finishes.
 */
class ErrorMatrixIT extends FaultTest {

  private static final Set<Work> WORKS =
      new LinkedHashSet<>(List.of(Work.FULL, Work.OVERLAY, Work.COMPRESSED, Work.DELETE));

  /** What a call meets. */
  enum Error {
    EIO("Input/output error"),
    ENOSPC("No space left on device"),
    /** Half of what was to be written is. */
    SHORT("");

    private final String text;

    Error(String text) {
      this.text = text;
    }

    int meet(Site site, int bytes) throws IOException {
      if (this == SHORT) {
        return Math.max(1, bytes / 2);
      }
      // as the JDK does: a channel's error is the text alone, that of a name has the name
      throw site.call().equals("write") || site.call().equals("force")
          ? new IOException(text)
          : new FileSystemException(site.what(), null, text);
    }

    boolean fits(Site site) {
      return this != SHORT || site.call().equals("write");
    }
  }

  /** What an operator is told to do. */
  private static final Pattern HINTS = Pattern.compile("check |free |repair");

  private final List<String> unclear = new ArrayList<>();
  private int cases;
  private int failed;

  @Test
  void publishedImagesStayCleanAndErrorsSayWhere() throws Exception {
    Set<Site> done = new LinkedHashSet<>();
    for (Work work : WORKS) {
      Set<Site> sites = sitesOf(work);
      sites.removeAll(done);
      for (Site site : sites) {
        for (Error error : Error.values()) {
          for (boolean always : error.fits(site) ? new boolean[] {false, true} : new boolean[0]) {
            meets(work, site, error, always);
          }
        }
      }
      done.addAll(sites);
    }
    assertThat(unclear).as("errors that do not name the file, or not what to do").isEmpty();
    new Reliability(Suite.ERROR_MATRIX, "every write site, every error, once and always")
        .with("sites", done.size())
        .with("cases", cases)
        .with("cases in which the work failed and was finished later", failed)
        .listing(done.stream().map(Site::toString).sorted().toList())
        .write();
  }

  /** The proof that the matrix would notice code that forces again and takes it for done. */
  @Test
  void forceThatIsTriedAgainIsNoticed() throws Exception {
    int noticed = 0;
    for (Site site : sitesOf(Work.FULL)) {
      if (site.call().equals("force") && !site.what().equals("folder")) {
        try (Victim victim = new Victim(Work.FULL);
            FileRecording recording = victim.record()) {
          AtomicInteger met = new AtomicInteger();
          recording.forgetFailedForces();
          recording.fail((number, at, bytes) ->
              at.equals(site) && met.getAndIncrement() == 0 ? Error.EIO.meet(at, bytes) : bytes);
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

  private Set<Site> sitesOf(Work work) throws Exception {
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      work.run(victim);
      Set<Site> sites = new LinkedHashSet<>();
      recording.steps().forEach(step -> sites.add(step.site()));
      return sites;
    }
  }

  private void meets(Work work, Site where, Error error, boolean always) throws Exception {
    String when = "%s: %s, %s at %s".formatted(work, error, always ? "always" : "once", where);
    AtomicInteger met = new AtomicInteger();
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      recording.fail((number, site, bytes) ->
          site.equals(where) && (met.getAndIncrement() == 0 || always)
              ? error.meet(site, bytes)
              : bytes);
      cases++;
      String told = run(work, victim);
      recording.fail(null);

      assertThat(met.get()).as(when).isPositive();
      victim.check(when);
      if (error == Error.SHORT) {
        assertThat(told).as(when).isEmpty();
      } else if (told.isEmpty()) {
        // There is another way, as on a file system without links. For a force there is none.
        assertThat(where.call()).as(when).isNotEqualTo("force");
      } else {
        if (!told.contains(victim.vm) || !HINTS.matcher(told).find()) {
          unclear.add(when + ": " + told);
        }
        failed++;
      }
      victim.startAgain();
      victim.check(when + ", finished later");
      new CrashedFolder(recording, recording.steps().size(), CrashedFolder.Loss.EVERYTHING)
          .writeTo(victim.root);
      victim.check(when + ", finished later, and then the power went");
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
