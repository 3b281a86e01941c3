package dev.backstep.bench;

import dev.backstep.backup.Restore;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupRow;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.Optional;

/** A restore of a long chain. */
final class RestoreCases extends BenchCase {

  RestoreCases(TestBed bed) {
    super(bed);
  }

  void restore(Path raw) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    BackupRow newest = chain("chain", 640, live);
    Path image = image(newest, 0);
    Path out = folder.resolve("out");
    Repository repository = Repository.open(Path.of(newest.repositoryPath()));
    rows.add(
        measure.compare(
            "restore of a chain of " + newest.disks().getFirst().chainLength() + " to raw",
            "`qemu-img convert -W -m 8 -t none -O raw`",
            0.95,
            () ->
                Measure.inProcess(() ->
                    new Restore(repository)
                        .run(
                            newest.vmId(),
                            repository.restorePoint(newest.vmId(), newest.id()),
                            Optional.empty(),
                            out,
                            RestoreTarget.RAW,
                            (disk, done, total) -> {})),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img convert -f qcow2 -W -m 8 -t none -O raw " + image + " peer.raw"),
            () -> {
              Tool.compare(out.resolve("disk-0.raw"), "raw", live, "qcow2");
              Tool.compare(folder.resolve("peer.raw"), "raw", live, "qcow2");
              remove(out);
              remove(folder.resolve("peer.raw"));
            }));
    remove(repository.root());
    remove(live);
  }
}
