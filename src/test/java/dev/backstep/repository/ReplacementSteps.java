package dev.backstep.repository;

import dev.backstep.domain.DiskBackupId;
import java.io.IOException;
import java.util.List;

/** The steps in which an image is replaced, one by one. */
public final class ReplacementSteps {

  private ReplacementSteps() {}

  /** How many there are. */
  public static int count(DiskFolder folder, DiskBackupId id, DiskManifest.Replacement next)
      throws IOException {
    return folder.replacing(id, next).size();
  }

  /** Does so many of them, as a process does that dies then. */
  public static void run(
      DiskFolder folder, DiskBackupId id, DiskManifest.Replacement next, int count)
      throws IOException {
    List<DiskFolder.Step> steps = folder.replacing(id, next);
    for (int i = 0; i < count; i++) {
      steps.get(i).run();
    }
  }
}
