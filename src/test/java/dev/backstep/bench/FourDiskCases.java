package dev.backstep.bench;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.image.ImageSourceProvider;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Several disks in parallel. */
final class FourDiskCases extends BenchCase {

  private static final String ALONE = "alone-";

  private static final int WRITE_BYTES = 2 << 20;

  private static final String FIO =
      " --rw=write --bs=2M --numjobs=4 --direct=1 --fallocate=none --end_fsync=1";

  /** Time in which all has been written and forced, among the fields of fio's terse version 3. */
  private static final int FIO_WRITE_MILLIS = 49;

  private static final int CHECKED_AT_ONCE = 2;

  private final Path[] models = new Path[4];
  private final Path[] images = new Path[models.length];
  private final List<BackupRow> made = new ArrayList<>();

  FourDiskCases(TestBed bed) {
    super(bed);
  }

  void fourDisks() throws Exception {
    Inputs inputs = new Inputs(folder);
    for (int i = 0; i < models.length; i++) {
      models[i] = inputs.raw("four-" + i + ".raw", mib / 4);
      images[i] = folder.resolve("four-" + i + ".qcow2");
      Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", models[i], images[i]);
    }
    atOnceBesideAlone("four qcow2 disks at once", 0, 0.80, images);
    atOnceBesideAlone("four raw disks at once", 0, 0.80, models);
    // One disk keeps all processors busy already.
    atOnceBesideAlone("four raw disks at once, zstd level 3", 3, 1.05, models);
    rows.add(
        measure.compare(
            "four qcow2 disks at once",
            "one after another in the same job",
            1.00,
            () -> together(4, 0, images),
            () -> together(1, 0, images),
            this::check));
    rows.add(
        measure.compare(
            "four raw disks at once",
            "one after another in the same job",
            1.00,
            () -> together(4, 0, models),
            () -> together(1, 0, models),
            this::check));
    storageBesideAlone("qcow2", images);
    storageBesideAlone("raw", models);
    for (int i = 0; i < models.length; i++) {
      remove(models[i]);
      remove(images[i]);
    }
  }

  /**
   * What a storage gives to four files at once beside what it gives to one of ours at a time: where
   * one takes nearly all there is, little can be gained.
   */
  private void storageBesideAlone(String format, Path... disks) throws Exception {
    rows.add(
        measure.compare(
            "storage alone: as many bytes in four files at once, by `fio" + FIO + "`",
            "the four " + format + " disks alone, summed",
            Double.POSITIVE_INFINITY,
            this::storage,
            () -> alone(0, disks),
            this::check));
  }

  /** The time is fio's own, its start left out. */
  private Measure.Cost storage() throws Exception {
    long fileBytes = 0;
    for (Path image : images) {
      fileBytes += Tool.allocatedBytes(image) / images.length;
    }
    Path written = Files.createDirectories(folder.resolve("written"));
    Measure.Cost whole =
        Measure.commands(
            folder,
            "fio --name=disk --directory=written --size="
                + Math.ceilDiv(fileBytes, WRITE_BYTES) * WRITE_BYTES
                + FIO
                + " --thread --group_reporting --output-format=terse --terse-version=3"
                + " --output=fio.terse");
    String[] fields = Files.readString(folder.resolve("fio.terse")).strip().split(";");
    remove(written);
    return new Measure.Cost(Long.parseLong(fields[FIO_WRITE_MILLIS]) / 1e3, whole.cpu());
  }

  private void atOnceBesideAlone(String name, int zstdLevel, double goal, Path... disks)
      throws Exception {
    rows.add(
        measure.compare(
            name,
            "the same four alone, summed",
            goal,
            () -> together(4, zstdLevel, disks),
            () -> alone(zstdLevel, disks),
            this::check));
  }

  private Measure.Cost together(int parallel, int zstdLevel, Path... disks) throws Exception {
    return Measure.inProcess(() -> made.add(full("four", parallel, zstdLevel, disks)));
  }

  private Measure.Cost alone(int zstdLevel, Path... disks) throws Exception {
    return Measure.inProcess(() -> {
      for (int i = 0; i < disks.length; i++) {
        made.add(full(ALONE + i, 1, zstdLevel, disks[i]));
      }
    });
  }

  private BackupRow full(String vm, int parallel, int zstdLevel, Path... disks) throws Exception {
    return backUp(
        definition(vm, images(disks), newRepository(), RequestedLevel.FULL, zstdLevel, parallel));
  }

  private void check() throws Exception {
    List<Callable<Void>> checks = new ArrayList<>();
    for (BackupRow backup : made) {
      String vm = backup.vmName();
      for (int i = 0; i < backup.disks().size(); i++) {
        int disk = vm.startsWith(ALONE) ? Integer.parseInt(vm.substring(ALONE.length())) : i;
        Path image = image(backup, i);
        checks.add(() -> {
          Tool.checkImage(image);
          Tool.compare(image, "qcow2", models[disk], "raw");
          return null;
        });
      }
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(CHECKED_AT_ONCE)) {
      for (Future<Void> check : threads.invokeAll(checks)) {
        check.get();
      }
    }
    for (BackupRow backup : made) {
      remove(Path.of(backup.repositoryPath()));
      dropMarks(backup);
    }
    made.clear();
  }

  /**
   * Each backup is the first of its repository, and a repository's newest marks stay where they
   * are. A disk would gather those of all rounds, and each backup read and write all of them: no
   * disk in use has more than a few.
   */
  private void dropMarks(BackupRow backup) throws Exception {
    Map<DiskKey, Set<ChangeId>> none = new HashMap<>();
    SourceDefinition source = images(images);
    source.disks().forEach(disk -> none.put(disk.key(), Set.of()));
    new ImageSourceProvider().open(source, folder).releaseMarks(backup.repositoryId(), none);
  }
}
