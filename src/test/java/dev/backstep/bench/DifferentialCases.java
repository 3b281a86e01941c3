package dev.backstep.bench;

import dev.backstep.backup.DiskTarget;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestoreRequest;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Restores onto a disk that already holds an older restore point, of which 1% differs. */
final class DifferentialCases extends BenchCase {

  private final RestoreJobs restores;

  DifferentialCases(TestBed bed) {
    super(bed);
    this.restores = bed.restoreJobs();
  }

  void restore(Path raw) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    JobDefinition definition =
        definition("older", images(live), newRepository(), RequestedLevel.AUTO, 0, 2);
    BackupRow older = backUp(definition);
    new Inputs(folder).change(live, mib, Math.max(1, mib * 640 / 8192), 64 << 10, 256 << 10);
    BackupRow newer = backUp(definition);
    Path target = folder.resolve("target.raw");
    compare(
        "restore of what differs, 1%, target known to hold the older point",
        0.20,
        new RestoreRequest(newer.id().value(), onto(target), false, held(older)),
        older,
        newer,
        target,
        live);
    compare(
        "restore of what differs, 1%, target read and compared",
        1.00,
        new RestoreRequest(newer.id().value(), onto(target), true, Optional.empty()),
        older,
        newer,
        target,
        live);
    remove(target);
    remove(Path.of(newer.repositoryPath()));
    remove(live);
  }

  private static Map<Integer, DiskTarget> onto(Path target) {
    return Map.of(0, DiskTarget.onto(target.toString()));
  }

  private static Optional<String> held(BackupRow older) {
    return Optional.of(older.id().value());
  }

  /** Before each way the target is given its older content back, which is not measured. */
  private void compare(
      String name,
      double goal,
      RestoreRequest differing,
      BackupRow older,
      BackupRow newer,
      Path target,
      Path live)
      throws Exception {
    RestoreRequest whole =
        new RestoreRequest(newer.id().value(), onto(target), false, Optional.empty());
    rows.add(
        measure.compare(
            name,
            "a whole restore onto the same target",
            goal,
            () -> restored(differing, older, target, live),
            () -> restored(whole, older, target, live),
            () -> {}));
  }

  private Measure.Cost restored(RestoreRequest request, BackupRow older, Path target, Path live)
      throws Exception {
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", image(older, 0), target);
    Tool.run("sync", target);
    Measure.Cost cost = Measure.inProcess(() -> finish(restores.restore(request)));
    Tool.compare(target, "raw", live, "qcow2");
    return cost;
  }
}
