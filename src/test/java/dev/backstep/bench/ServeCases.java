package dev.backstep.bench;

import dev.backstep.backup.ServedImage;
import dev.backstep.catalog.BackupRow;
import dev.backstep.nbd.ExportServer;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Reading a restore point through our NBD server and through qemu-nbd. */
final class ServeCases extends BenchCase {

  ServeCases(TestBed bed) {
    super(bed);
  }

  void serve(Path raw) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    BackupRow newest = chain("served", 640, live);
    Path image = image(newest, 0);
    Path socket = folder.resolve("ours.sock");
    try (ServedImage disk = ServedImage.open(image, (long) mib << 20);
        ExportServer ours =
            ExportServer.unix(socket, Map.of("", disk), line -> System.err.println(line))) {
      same("ours.sock", live);
      Process theirs = serve(image, "qcow2", "theirs.sock", "-r");
      try {
        same("theirs.sock", live);
        rows.add(
            measure.compare(
                "reading a restore point, chain of "
                    + newest.disks().getFirst().chainLength()
                    + ", `nbdcopy` to null, from `serve-nbd`",
                "the same from `qemu-nbd -r -e 16`",
                1.00,
                () -> read("ours.sock"),
                () -> read("theirs.sock"),
                () -> {}));
      } finally {
        theirs.destroy();
        theirs.waitFor();
      }
    }
    Files.deleteIfExists(folder.resolve("theirs.sock"));
    remove(Path.of(newest.repositoryPath()));
    remove(live);
  }

  private Measure.Cost read(String socket) throws Exception {
    return Measure.commands(folder, "nbdcopy 'nbd+unix:///?socket=" + socket + "' null:");
  }

  private void same(String socket, Path live) {
    Tool.run(
        "qemu-img",
        "compare",
        "-f",
        "raw",
        "-F",
        "qcow2",
        "nbd+unix:///?socket=" + folder.resolve(socket),
        live);
  }
}
