package dev.backstep.bench;

import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Full and incremental backups over NBD. */
final class NbdCases extends BenchCase {

  /** Nights that the audit's round over a disk takes, as it comes. */
  private static final int NIGHTS = (int) CbtAuditDefinition.STANDARD.allWithin().toDays();

  NbdCases(TestBed bed) {
    super(bed);
  }

  void fullNbd(Path raw) throws Exception {
    Process server = serve(raw, "raw", "src.sock", "-r");
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    Measure.Way ours =
        () ->
            Measure.inProcess(() ->
                made.add(
                    backUp(
                        definition(
                            "nbd",
                            nbd("src.sock", Map.of()),
                            newRepository(),
                            RequestedLevel.FULL,
                            0,
                            2))));
    String uri = "'nbd+unix:///?socket=src.sock'";
    try {
      rows.add(
          measure.compare(
              "full over NBD",
              "`qemu-img convert` from the NBD URI, likewise",
              1.00,
              ours,
              () ->
                  Measure.commands(
                      folder,
                      "qemu-img convert -f raw -W -m 8 -t none -O qcow2 " + uri + " peer.qcow2"),
              checked(made, raw, "raw", peer)));
      rows.add(
          measure.compare(
              "full over NBD",
              "`nbdcopy --flush` into a `qemu-nbd` qcow2",
              0.60,
              ours,
              () -> nbdcopy(uri),
              checked(made, raw, "raw", peer)));
    } finally {
      server.destroy();
      server.waitFor();
    }
  }

  private Measure.Cost nbdcopy(String uri) throws Exception {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", folder.resolve("peer.qcow2"), mib + "M");
    Files.deleteIfExists(folder.resolve("dst.sock"));
    Process target =
        serve(
            folder.resolve("peer.qcow2"),
            "qcow2",
            "dst.sock",
            "--cache=none",
            "--aio=native",
            "--discard=unmap");
    try {
      return Measure.commands(folder, "nbdcopy --flush " + uri + " 'nbd+unix:///?socket=dst.sock'");
    } finally {
      target.destroy();
      target.waitFor();
    }
  }

  void incrementals(Path raw) throws Exception {
    incremental(raw, "incremental, 1% changed", 640, 64 << 10, 256 << 10, false);
    incremental(
        raw, "incremental, 1% changed, with a night of the audit", 640, 64 << 10, 256 << 10, true);
    incremental(raw, "incremental, scattered 4 KiB", 2048, 4 << 10, 4 << 10, false);
  }

  /**
   * @param nightly whether the audit reads as much of its round as when a day has passed since the
   *     backup before, which here are seconds
   */
  private void incremental(
      Path raw, String name, int count, int bytesMin, int bytesMax, boolean nightly)
      throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    Tool.run("qemu-img", "bitmap", "--add", "-g", "65536", live, "b0");
    Path repository = newRepository();
    Process server = serve(live, "qcow2", "live.sock", "-r", "-B", "b0");
    SourceDefinition source = nbd("live.sock", Map.of("change-id", "b0"));
    BackupRow base = backUp(definition(name, source, repository, RequestedLevel.AUTO, 0, 2));
    server.destroy();
    server.waitFor();
    new Inputs(folder).change(live, mib, count, bytesMin, bytesMax);
    Process changed = serve(live, "qcow2", "live.sock", "-r", "-B", "b0");
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    Path baseImage = image(base, 0);
    String script =
        "qemu-img create -q -f qcow2 -F raw -b 'nbd+unix:///?socket=live.sock' peer.qcow2 &&"
            + " nbdinfo --map=qemu:dirty-bitmap:b0 'nbd+unix:///?socket=live.sock' | awk '$3 == 1 {"
            + " for (o = 0; o < $2; o += 16777216) { l = $2 - o; if (l > 16777216) l = 16777216;"
            + " printf \"read -q %.0f %.0f\\n\", $1 + o, l } } END { print \"flush\" }' | qemu-io"
            + " -C -t writeback -f qcow2 peer.qcow2 && qemu-img rebase -u -f qcow2 -F qcow2 -b "
            + baseImage
            + " peer.qcow2";
    try {
      rows.add(
          measure.compare(
              name,
              "`qemu-img create -b` + `nbdinfo --map` + `qemu-io -C` + flush + `rebase -u`",
              0.75,
              () ->
                  Measure.inProcess(() ->
                      made.add(
                          backUp(
                              definition(
                                  name,
                                  source,
                                  repository,
                                  RequestedLevel.AUTO,
                                  0,
                                  2,
                                  nightly
                                      ? aNightSince(made.isEmpty() ? base : made.getLast())
                                      : CbtAuditDefinition.STANDARD)))),
              () -> Measure.commands(folder, script),
              checked(made, live, "qcow2", peer)));
    } finally {
      changed.destroy();
      changed.waitFor();
      remove(repository);
      remove(live);
    }
  }

  /** With which the time since a backup is to the whole round as a day is as it comes. */
  private static CbtAuditDefinition aNightSince(BackupRow before) {
    Duration since = Duration.between(before.snapshotTakenAt().orElseThrow(), Instant.now());
    return new CbtAuditDefinition(CbtAuditDefinition.STANDARD.sample(), since.multipliedBy(NIGHTS));
  }
}
