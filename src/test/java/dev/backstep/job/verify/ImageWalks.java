package dev.backstep.job.verify;

import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.Verifications;
import dev.backstep.job.RunningTasks;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ExecutionContext;

/** A verification's way through its images, for tests of other packages that go it step by step. */
public final class ImageWalks {

  private final ImageWalk walk;

  public ImageWalks(
      String id,
      RunningTasks running,
      Verifications verifications,
      VerificationQueries queries,
      Backups backups,
      Proofs proofs) {
    walk = new ImageWalk(id, 1, running, verifications, queries, backups, proofs);
    walk.open(new ExecutionContext());
  }

  /**
   * Checks the next part.
   *
   * @return false when nothing is left
   */
  public boolean next() throws Exception {
    Integer image = walk.read();
    if (image == null) {
      walk.close();
      return false;
    }
    walk.write(new Chunk<>(image));
    return true;
  }
}
