package dev.backstep.job.backup;

import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.FileRecording;
import dev.backstep.domain.Compression;
import dev.backstep.testing.CrashPoints;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The power goes at every point between two changes of a file or a folder. First for what the
 * catalog has acknowledged by then, with each way in which unforced changes may be lost; then for
 * the next start, which has to finish what was begun: at every n-th point, {@code -Dcrash.every=N}.
 */
class CrashPointsIT extends FaultTest {

  private static final int EVERY = Integer.getInteger("crash.every", 0);

  /** Tasks have many points, and take longer to get ready: by default some of them are tried. */
  private static int every(Work work) {
    return EVERY > 0 ? EVERY : work.isTask() ? 17 : 2;
  }

  @ParameterizedTest
  @EnumSource
  void whatWasAcknowledgedIsThere(Work work) throws Exception {
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      work.run(victim);
      recording.close();

      CrashPoints cuts = new CrashPoints();
      cuts.everyPoint(
          recording, victim.witness().get(), victim.acknowledged, folder.resolve("cut"));

      new Reliability(Suite.CRASH_POINTS, "power cut, " + work)
          .with("points", cuts.points())
          .with("folders", cuts.folders())
          .with("images checked and compared", victim.acknowledged.imagesChecked())
          .write();
    }
  }

  @ParameterizedTest
  @EnumSource
  void nextStartFinishesWhatWasBegun(Work work) throws Exception {
    int died = 0;
    boolean more = true;
    CrashedFolder.Loss[] losses = CrashedFolder.Loss.values();
    int every = every(work);
    for (int count = 0; more; count += every) {
      CrashedFolder.Loss loss = losses[count / every % losses.length];
      more = diesBehind(work, count, loss);
      died += more ? 1 : 0;
    }
    new Reliability(Suite.CRASH_POINTS, "next start, " + work).with("points", died).write();
  }

  /** Returns false when all was done by then. */
  private boolean diesBehind(Work work, int count, CrashedFolder.Loss loss) throws Exception {
    String when = work + ", dead behind change " + count + ", unforced: " + loss;
    try (Victim victim = new Victim(work);
        FileRecording recording = victim.record()) {
      recording.fail((number, site, bytes) -> {
        if (number >= count) {
          throw new IOException("dead");
        }
        return bytes;
      });
      runUntilDead(work, victim);
      boolean died = recording.wasFailed();
      recording.fail(null);
      recording.close();
      if (loss != CrashedFolder.Loss.NOTHING) {
        new CrashedFolder(recording, recording.steps().size(), loss).writeTo(victim.root);
      }

      victim.startAgain();

      victim.check(when);
      if (!victim.isComplete() || work.isMerge()) {
        victim.backUp(Compression.NONE);
        victim.check(when + ", the next backup");
      }
      return died;
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(when + ": " + e.getMessage(), e);
    }
  }

  private static void runUntilDead(Work work, Victim victim) throws Exception {
    try {
      work.run(victim);
    } catch (RuntimeException e) {
      // what a caller is told when the files cannot be changed; it is dead by now
    }
  }
}
