package dev.backstep.testing;

import dev.backstep.blockio.CrashedFolder;
import dev.backstep.blockio.FileRecording;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Counts of power cuts that were tried, and the trying. */
public final class CrashPoints {

  private int points;
  private int folders;

  /** Points between two changes, and before the first and behind the last, that were tried. */
  public int points() {
    return points;
  }

  /** Folders that were made of them and found right. */
  public int folders() {
    return folders;
  }

  /**
   * Cuts the power at every point of a recording, in every way, and checks what the catalog had
   * acknowledged by then.
   *
   * @param atEnd what the catalog says behind the last change
   * @param scratch where the folders are made
   */
  @SuppressWarnings("unchecked")
  public void everyPoint(
      FileRecording recording,
      List<Acknowledged.Row> atEnd,
      Acknowledged acknowledged,
      Path scratch)
      throws IOException {
    Files.createDirectories(scratch);
    List<FileRecording.Step> steps = recording.steps();
    for (int count = 0; count <= steps.size(); count++) {
      List<Acknowledged.Row> rows =
          count == steps.size() ? atEnd : (List<Acknowledged.Row>) steps.get(count).before();
      String last = count == 0 ? "nothing" : steps.get(count - 1).site().toString();
      points++;
      for (CrashedFolder.Loss loss : CrashedFolder.Loss.values()) {
        CrashedFolder folder = new CrashedFolder(recording, count, loss);
        folder.writeTo(scratch);
        folders++;
        acknowledged.check(
            scratch,
            rows,
            "power cut behind change %d (%s), unforced: %s".formatted(count, last, loss));
        if (!folder.hasChoice()) {
          break;
        }
      }
    }
  }
}
