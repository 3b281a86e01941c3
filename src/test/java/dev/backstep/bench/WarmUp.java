package dev.backstep.bench;

import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.Map;

/** What comes before all measuring. */
final class WarmUp extends BenchCase {

  WarmUp(TestBed bed) {
    super(bed);
  }

  private static final int WARM_UPS = Integer.getInteger("warm", 240);

  private static final int LARGE_WARM_UPS = Integer.getInteger("warm.large", 12);

  /**
   * Backups until the program is compiled, as in a process that has run for some nights.
   *
   * @param disk the raw disk that most cases copy
   */
  void run(Path disk) throws Exception {
    small();
    large(disk);
  }

  private void large(Path disk) throws Exception {
    Process server = serve(disk, "raw", "warm.sock", "-r");
    try {
      for (int i = 0; i < LARGE_WARM_UPS; i++) {
        SourceDefinition source = i % 2 == 0 ? images(disk) : nbd("warm.sock", Map.of());
        Path repository = newRepository();
        backUp(definition("warm", source, repository, RequestedLevel.FULL, 0, 2));
        remove(repository);
      }
    } finally {
      server.destroy();
      server.waitFor();
    }
  }

  private void small() throws Exception {
    Path small = new Inputs(folder).raw("warm.raw", 128);
    Path live = folder.resolve("warm.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", small, live);
    Path repository = newRepository();
    double last = 0;
    for (int i = 0; i < WARM_UPS; i++) {
      Path disk = i % 2 == 0 ? small : live;
      RequestedLevel level = i % 4 == 3 ? RequestedLevel.AUTO : RequestedLevel.FULL;
      int zstdLevel = i % 8 == 0 ? 1 : 0;
      last =
          Measure.inProcess(
                  () -> backUp(definition("warm", images(disk), repository, level, zstdLevel, 2)))
              .wall();
    }
    System.err.printf("warm: a backup of %s takes %.3f s%n", live.getFileName(), last);
    remove(repository);
    remove(small);
    remove(live);
  }
}
