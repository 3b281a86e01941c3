package dev.backstep.bench;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A huge disk with little in it. */
final class SparseCases extends BenchCase {

  SparseCases(TestBed bed) {
    super(bed);
  }

  void sparse() throws Exception {
    Path small = new Inputs(folder).raw("gigabyte.raw", 2048);
    Path large = folder.resolve("sparse.raw");
    Tool.run("cp", "--sparse=always", small, large);
    Tool.run("truncate", "-s", "4T", large);
    List<BackupRow> made = new ArrayList<>();
    rows.add(
        measure.compare(
            "4 TiB sparse disk with 1 GiB of data",
            "that gigabyte alone",
            1.50,
            () -> oneDisk(made, large),
            () -> oneDisk(made, small),
            () -> {
              for (BackupRow backup : made) {
                Tool.checkImage(image(backup, 0));
                Tool.compare(image(backup, 0), "qcow2", small, "raw");
                remove(Path.of(backup.repositoryPath()));
              }
              made.clear();
            }));
    remove(small);
    remove(large);
  }

  private Measure.Cost oneDisk(List<BackupRow> made, Path disk) throws Exception {
    return Measure.inProcess(() ->
        made.add(
            backUp(definition("one", images(disk), newRepository(), RequestedLevel.FULL, 0, 1))));
  }
}
