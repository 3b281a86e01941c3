package dev.backstep.bench;

import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupRow;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.RestoreTargets;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.Optional;

/** A VM of four disks with long chains, restored by a restore job. */
final class MachineRestoreCases extends BenchCase {

  private static final int DISKS = 4;

  private final RestoreJobs restores;

  MachineRestoreCases(TestBed bed) {
    super(bed);
    this.restores = bed.restoreJobs();
  }

  void restore() throws Exception {
    Path[] disks = new Path[DISKS];
    Inputs inputs = new Inputs(folder);
    for (int i = 0; i < DISKS; i++) {
      Path raw = inputs.raw("vm-" + i + ".raw", mib / DISKS);
      disks[i] = folder.resolve("vm-" + i + ".qcow2");
      Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, disks[i]);
      remove(raw);
    }
    BackupRow newest = chain("vm", 160, disks);
    Path out = folder.resolve("out");
    StringBuilder script = new StringBuilder("true");
    for (int i = 0; i < DISKS; i++) {
      script.append(" && qemu-img convert -f qcow2 -W -m 8 -t none -O raw ");
      script.append(image(newest, i)).append(" peer-").append(i).append(".raw");
    }
    rows.add(
        measure.compare(
            "restore of four disks, chains of " + newest.disks().getFirst().chainLength(),
            "four `qemu-img convert -W -m 8 -t none -O raw` in turn",
            0.70,
            () ->
                Measure.inProcess(() ->
                    finish(
                        restores.restore(
                            new RestoreRequest(
                                newest.id().value(),
                                RestoreTargets.made(
                                    RestoreTargets.disks(
                                        newest, newest.id().value(), Optional.empty()),
                                    out,
                                    RestoreTarget.RAW),
                                false,
                                Optional.empty())))),
            () -> Measure.commands(folder, script.toString()),
            () -> check(disks, out)));
    remove(Path.of(newest.repositoryPath()));
    for (Path disk : disks) {
      remove(disk);
    }
  }

  private void check(Path[] disks, Path out) {
    for (int i = 0; i < disks.length; i++) {
      Path peer = folder.resolve("peer-" + i + ".raw");
      Tool.compare(out.resolve("disk-" + i + ".raw"), "raw", disks[i], "qcow2");
      Tool.compare(peer, "raw", disks[i], "qcow2");
      remove(peer);
    }
    remove(out);
  }
}
