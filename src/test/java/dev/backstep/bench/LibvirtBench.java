package dev.backstep.bench;

import static dev.backstep.api.ServerProcess.json;

import dev.backstep.api.ServerProcess;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.LibvirtHost;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/**
 * Backups and restores of a running guest of libvirt with two disks, by a server that is asked over
 * HTTP, beside virtnbdbackup and virtnbdrestore. Arguments: work folder, rounds.
 */
public final class LibvirtBench {

  private static final int MIB = 1 << 20;
  private static final List<Integer> DISKS_MIB = List.of(1024, 2048);

  /** 84 MiB of guest writes between two backups. */
  private static final int EXTENTS = 84;

  private static final int WARM_UPS = 80;

  private static final int RESTORING_WARM_UPS = 16;

  /** Each question costs the server something, too. */
  private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(10);

  /** No backup ends sooner. */
  private static final Duration FIRST_QUESTION = Duration.ofMillis(150);

  private static final Set<String> UNDER_WAY = Set.of("QUEUED", "RUNNING", "STARTING", "STARTED");

  /** Two alike, for virtnbdbackup takes no guest that has checkpoints of another program. */
  private static final String OURS = "ours";

  private static final String PEERS = "peers";

  private final Path folder;
  private final LibvirtHost host;
  private final ServerProcess server;
  private final Measure measure;
  private final Random random = new Random(7);
  private final List<Measure.Row> rows = new ArrayList<>();
  private JsonNode newest;
  private int written;
  private int series;
  private long peerPeakKib;

  private LibvirtBench(Path folder, LibvirtHost host, ServerProcess server, int rounds) {
    this.folder = folder;
    this.host = host;
    this.server = server;
    this.measure = new Measure(rounds);
  }

  public static void main(String[] args) throws Exception {
    Path folder = Files.createDirectories(Path.of(args[0]).resolve("libvirt"));
    try (LibvirtHost host = LibvirtHost.start()) {
      startGuests(folder, host);
      define(folder, host);
      try (ServerProcess server =
          ServerProcess.start(folder, "home", Map.of("BACKSTEP_JAVA_OPTS", ""))) {
        new LibvirtBench(folder, host, server, Integer.parseInt(args[1])).run();
      }
    } finally {
      BenchCase.remove(folder);
    }
    System.exit(0);
  }

  private static void startGuests(Path folder, LibvirtHost host) throws Exception {
    Inputs inputs = new Inputs(folder);
    for (int disk = 0; disk < DISKS_MIB.size(); disk++) {
      Path raw = inputs.raw("disk.raw", DISKS_MIB.get(disk));
      for (String guest : List.of(OURS, PEERS)) {
        Path file = file(host, guest, disk);
        Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, file);
        host.owned(file);
      }
      BenchCase.remove(raw);
    }
    for (String guest : List.of(OURS, PEERS)) {
      new LibvirtGuest(host, guest, List.of(file(host, guest, 0), file(host, guest, 1))).start();
    }
  }

  private static Path file(LibvirtHost host, String guest, int disk) {
    return host.disks().resolve(guest + disk + ".qcow2");
  }

  private static void define(Path folder, LibvirtHost host) throws IOException {
    Files.createDirectories(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source: { type: libvirt, uri: "%s", domain: %s, scratch: "%s" }
        repository: "%s"
        """
            .formatted(host.uri(), OURS, host.scratch(), folder.resolve("repository")));
  }

  /** Backups and restores until the server is compiled, as one that has run for some nights. */
  private void warmUp() throws Exception {
    for (int i = 0; i < WARM_UPS; i++) {
      backUp(i % 20 == 0 ? "full" : "auto");
    }
    for (int i = 0; i < RESTORING_WARM_UPS; i++) {
      restore();
      removeRestored();
    }
  }

  private void run() throws Exception {
    warmUp();
    rows.add(
        measure.compare(
            "libvirt: full of a running guest, disks of 1 and 2 GiB",
            "`virtnbdbackup -l full`",
            1.0 / 3,
            () -> backUp("full"),
            () -> peerBackup("full", ++series),
            () -> {
              check();
              BenchCase.remove(peer(series - 1));
            }));
    write();
    rows.add(
        measure.compare(
            "libvirt: incremental, " + EXTENTS + " MiB written",
            "`virtnbdbackup -l inc`",
            0.25,
            () -> backUp("auto"),
            () -> peerBackup("inc", series),
            () -> {
              check();
              assertNoMoreThanWritten();
              write();
            }));
    int incrementals = newest.get("disks").get(0).get("chain_length").asInt() - 1;
    backUp("auto");
    peerBackup("inc", series);
    rows.add(
        measure.compare(
            "libvirt: restore of a full and " + (incrementals + 1) + " incrementals, both disks",
            "`virtnbdrestore`",
            0.20,
            this::restore,
            () ->
                Measure.commands(
                    folder,
                    peak(
                        "virtnbdrestore -n -L restore.log %s -i %s -o peer-restored"
                            .formatted(daemon(), peer(series)),
                        "peer-restored")),
            () -> checkRestored()));
    rows.forEach(row -> System.out.println(row.markdown()));
    System.out.printf(
        Locale.ROOT,
        "peak resident memory with a running guest of libvirt: server %d MiB, virtnbdbackup or"
            + " virtnbdrestore %d MiB%n",
        peakKib(server.process().pid()) / 1024,
        peerPeakKib / 1024);
  }

  private Measure.Cost backUp(String type) throws Exception {
    return ours(() -> {
      JsonNode begun =
          json(
              server.post(
                  "/api/v1/backups", "{\"vm_name\":\"vm\",\"backup_type\":\"" + type + "\"}"),
              202);
      String backup = begun.get("backup_id").asString();
      awaitEnd(backup);
      newest = json(server.get("/api/v1/backups/" + backup), 200);
    });
  }

  private Measure.Cost restore() throws Exception {
    StringBuilder targets = new StringBuilder();
    for (JsonNode disk : newest.get("disks")) {
      int number = disk.get("disk_id").asInt();
      targets
          .append(targets.isEmpty() ? "" : ",")
          .append("{\"kind\":\"qcow2\",\"disk_id\":")
          .append(number)
          .append(",\"target\":\"")
          .append(restored(number))
          .append("\"}");
    }
    String request =
        "{\"backup_id\":\""
            + newest.get("backup_id").asString()
            + "\",\"disks\":["
            + targets
            + "]}";
    return ours(() -> {
      JsonNode begun = json(server.post("/api/v1/restores", request), 202);
      String path = "/api/v1/restores/" + begun.get("task_id").asString();
      await(() -> json(server.get(path), 200).get("status").asString());
    });
  }

  private Path restored(int disk) {
    return folder.resolve("restored-" + disk + ".qcow2");
  }

  /** Until the domain's backup job has ended, too, and its marks of before are deleted. */
  private void awaitEnd(String backup) throws Exception {
    Thread.sleep(FIRST_QUESTION);
    await(() -> {
      JsonNode executions =
          json(server.get("/api/v1/executions?backup_id=" + backup), 200).get("executions");
      return executions.isEmpty() ? "QUEUED" : executions.get(0).get("batch_status").asString();
    });
  }

  private static void await(Supplier<String> status) throws Exception {
    for (String now = status.get(); !now.equals("COMPLETED"); now = status.get()) {
      if (!UNDER_WAY.contains(now)) {
        throw new IOException("expected to be COMPLETED in the end, is " + now);
      }
      Thread.sleep(BETWEEN_QUESTIONS);
    }
  }

  private Measure.Cost ours(Measure.Check work) throws Exception {
    Duration before = cpu();
    long begin = System.nanoTime();
    work.run();
    double wall = (System.nanoTime() - begin) / 1e9;
    return new Measure.Cost(wall, cpu().minus(before).toNanos() / 1e9);
  }

  private Duration cpu() {
    return server.process().toHandle().info().totalCpuDuration().orElseThrow();
  }

  private Measure.Cost peerBackup(String level, int number) throws Exception {
    return Measure.commands(
        folder,
        peak(
            "virtnbdbackup -n %s -d %s -l %s -S %s -o %s"
                .formatted(daemon(), PEERS, level, host.scratch(), peer(number)),
            peer(number).toString()));
  }

  /**
   * virtnbdbackup takes a name and a password for a socket of its own, though the daemon asks for
   * none.
   */
  private String daemon() {
    return "-U '" + host.uri() + "' --user none --password none";
  }

  private Path peer(int number) {
    return folder.resolve("peer-" + number);
  }

  /** The command, with its peak memory noted, until all that it has written is on the disk. */
  private static String peak(String command, String written) {
    return command
        + " & p=$!; while kill -0 $p 2>/dev/null; do awk '/^VmHWM/ { print $2 }' /proc/$p/status"
        + " 2>/dev/null; sleep 0.2; done >>peaks & wait $p && find "
        + written
        + " -type f -exec sync {} +";
  }

  private static long peakKib(long process) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + process + "/status")).stream()
        .filter(line -> line.startsWith("VmHWM"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  /** Writes through the guest's own QEMU, which tracks it. */
  private void write() {
    written++;
    for (int i = 0; i < EXTENTS; i++) {
      int disk = random.nextInt(DISKS_MIB.size());
      long at = (long) random.nextInt(DISKS_MIB.get(disk)) * MIB;
      String command =
          "qemu-io -d /machine/peripheral/virtio-disk%d/virtio-backend \"write -P %d %d %d\""
              .formatted(disk, 1 + written % 250, at, MIB);
      for (String guest : List.of(OURS, PEERS)) {
        String answer = host.virsh("qemu-monitor-command", guest, "--hmp", command);
        if (!answer.isBlank()) {
          throw new IllegalStateException("the guest's QEMU has not written: " + answer);
        }
      }
    }
  }

  private void assertNoMoreThanWritten() {
    long stored = 0;
    for (JsonNode disk : newest.get("disks")) {
      if (!disk.get("level").asString().equals("incremental")) {
        throw new IllegalStateException("no incremental: " + newest);
      }
      stored += disk.get("bytes_transferred").asLong();
    }
    if (stored == 0 || stored > (long) EXTENTS * MIB) {
      throw new IllegalStateException(stored + " bytes are stored: " + newest);
    }
  }

  /** What the images show is what the guest has; while it stands still, its files tell. */
  private void check() {
    still(
        OURS,
        disk -> {
          Path image = Path.of(newest.get("disks").get(disk).get("image").asString());
          Tool.checkImage(image);
          return image;
        });
  }

  private void checkRestored() {
    Path peer = folder.resolve("peer-restored");
    still(OURS, this::restored);
    still(PEERS, disk -> peer.resolve(PEERS + disk + ".qcow2"));
    removeRestored();
    BenchCase.remove(peer);
    readPeaks();
  }

  private void removeRestored() {
    for (int disk = 0; disk < DISKS_MIB.size(); disk++) {
      BenchCase.remove(restored(disk));
    }
  }

  private void readPeaks() {
    for (String line : Tool.run("cat", folder.resolve("peaks")).lines().toList()) {
      peerPeakKib = Math.max(peerPeakKib, Long.parseLong(line.strip()));
    }
  }

  /** Compares what each disk's number leads to with the disk. */
  private void still(String guest, IntFunction<Path> copies) {
    host.virsh("suspend", guest);
    try {
      for (int disk = 0; disk < DISKS_MIB.size(); disk++) {
        Tool.run(
            "qemu-img",
            "compare",
            "-U",
            "-f",
            "qcow2",
            "-F",
            "qcow2",
            copies.apply(disk),
            file(host, guest, disk));
      }
    } finally {
      host.virsh("resume", guest);
    }
  }
}
