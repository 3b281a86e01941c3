package dev.backstep.job;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.domain.CheckFinding;
import dev.backstep.domain.CheckFinding.Kind;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Stray;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a check of a repository came to.
 *
 * @param restorePoints that can be read
 * @param images that are whole with their chain
 */
public record CheckedRepository(int restorePoints, int images, List<CheckFinding> findings) {

  public CheckedRepository {
    findings = List.copyOf(findings);
  }

  public static CheckedRepository of(RepositoryCheck.Result result) {
    List<CheckFinding> findings = new ArrayList<>(result.problems());
    result.strays().forEach(stray -> findings.add(finding(stray)));
    result.unneeded().forEach(image -> findings.add(finding(image)));
    return new CheckedRepository(result.points().size(), result.images().size(), findings);
  }

  /** How many are faults. */
  public long problems() {
    return findings.stream().filter(CheckFinding::isProblem).count();
  }

  private static CheckFinding finding(Stray stray) {
    Kind kind =
        switch (stray.kind()) {
          case PARTIAL -> Kind.PARTIAL;
          case ORPHAN -> Kind.ORPHAN;
          case FOREIGN -> Kind.FOREIGN;
        };
    return new CheckFinding(
        kind, stray.file().toString(), "", stray.bytes(), Optional.of(stray.lastModified()));
  }

  private static CheckFinding finding(DiskManifest image) {
    return new CheckFinding(
        Kind.UNNEEDED, image.diskBackupId(), "", image.imageBytes(), Optional.empty());
  }
}
