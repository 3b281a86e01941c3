package dev.backstep.bench;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Several disks in parallel. */
final class FourDiskCases extends BenchCase {

  FourDiskCases(TestBed bed) {
    super(bed);
  }

  void fourDisks() throws Exception {
    Inputs inputs = new Inputs(folder);
    Path[] disks = new Path[4];
    for (int i = 0; i < 4; i++) {
      disks[i] = inputs.raw("four-" + i + ".raw", mib / 4);
    }
    List<BackupRow> made = new ArrayList<>();
    Measure.Way together =
        () ->
            Measure.inProcess(() ->
                made.add(
                    backUp(
                        definition(
                            "four", images(disks), newRepository(), RequestedLevel.FULL, 3, 4))));
    Measure.Check check =
        () -> {
          for (BackupRow backup : made) {
            for (int i = 0; i < backup.disks().size(); i++) {
              Path model =
                  backup.vmName().startsWith("alone")
                      ? folder.resolve(backup.vmName().substring(6))
                      : disks[i];
              Tool.checkImage(image(backup, i));
              Tool.compare(image(backup, i), "qcow2", model, "raw");
            }
            remove(Path.of(backup.repositoryPath()));
          }
          made.clear();
        };
    Measure.Way alone =
        () ->
            Measure.inProcess(() -> {
              for (Path disk : disks) {
                made.add(
                    backUp(
                        definition(
                            "alone-" + disk.getFileName(),
                            images(disk),
                            newRepository(),
                            RequestedLevel.FULL,
                            3,
                            1)));
              }
            });
    rows.add(
        measure.compare(
            "four disks at once, zstd level 3",
            "the same four alone, summed",
            0.80,
            together,
            alone,
            check));
    rows.add(
        measure.compare(
            "four disks at once, uncompressed",
            "the same four alone, summed",
            0.80,
            () -> fourUncompressed(made, 4, disks),
            () -> aloneUncompressed(made, disks),
            check));
    rows.add(
        measure.compare(
            "four disks at once, uncompressed",
            "one after another in the same job",
            1.00,
            () -> fourUncompressed(made, 4, disks),
            () -> fourUncompressed(made, 1, disks),
            check));
    for (Path disk : disks) {
      remove(disk);
    }
  }

  private Measure.Cost aloneUncompressed(List<BackupRow> made, Path... disks) throws Exception {
    return Measure.inProcess(() -> {
      for (Path disk : disks) {
        String vm = "alone-" + disk.getFileName();
        made.add(backUp(definition(vm, images(disk), newRepository(), RequestedLevel.FULL, 0, 1)));
      }
    });
  }

  private Measure.Cost fourUncompressed(List<BackupRow> made, int parallel, Path... disks)
      throws Exception {
    return Measure.inProcess(() ->
        made.add(
            backUp(
                definition(
                    "four", images(disks), newRepository(), RequestedLevel.FULL, 0, parallel))));
  }
}
