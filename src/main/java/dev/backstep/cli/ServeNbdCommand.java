package dev.backstep.cli;

import dev.backstep.backup.ServedImage;
import dev.backstep.backup.ThrowAwayDisk;
import dev.backstep.blockio.OpenParts;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.nbd.ExportServer;
import dev.backstep.nbd.NbdUri;
import dev.backstep.nbd.ServedDisk;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.FILES)
@Command(
    name = "serve-nbd",
    description = {
      "Shows the disks of a restore point as NBD exports disk-<n>, without copying anything.",
      "Runs until it is stopped (Ctrl-C or SIGTERM)."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ServeNbdCommand implements Callable<Integer> {

  /** Longest path of a unix socket: sun_path with its final zero. */
  private static final int SOCKET_PATH_BYTES_MAX = 107;

  private final Session session;

  @Parameters(paramLabel = "ID", description = "A backup's id, or one of its disk backups'.")
  private String id = "";

  @Option(names = "--disk", paramLabel = "N", description = "Only the disk of this number.")
  private @Nullable Integer disk;

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description = "A unix socket to listen on. Default: one in a new folder, both only for you.")
  private @Nullable Path socket;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = {
        "Listens on this port of 127.0.0.1 instead, 0 takes any: for every user of this machine,",
        "there is no password."
      })
  private @Nullable Integer port;

  @Option(
      names = "--writable-overlay",
      description = "Lets clients write; what they wrote is thrown away at the end.")
  private boolean writable;

  @Option(
      names = "--scratch",
      paramLabel = "DIR",
      description = "Where it is kept until then. Default: ${DEFAULT-VALUE}.")
  private Path scratch = Path.of("/var/tmp");

  @Option(
      names = "--repository",
      paramLabel = "DIR",
      description = "Serves from this repository by its own files alone, without a database.")
  private @Nullable Path repository;

  ServeNbdCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (socket != null && port != null) {
      throw OperatorException.usage("--socket and --port exclude each other", null);
    }
    CountDownLatch stop = new CountDownLatch(1);
    session.stopping().onRequest(stop::countDown);
    ChosenPoint chosen = ChosenPoint.find(session, id, repository, disk);
    try (OpenParts opened = new OpenParts()) {
      Map<String, ServedDisk> exports = new LinkedHashMap<>();
      for (RestorePoint.Disk one : chosen.point().disks()) {
        if (chosen.has(one)) {
          exports.put("disk-" + one.diskId(), open(chosen, one, opened));
        }
      }
      if (exports.size() == 1) {
        exports.put("", exports.values().iterator().next());
      }
      ExportServer server = opened.add(listen(exports, opened));
      print(chosen, server);
      stop.await();
    }
    return 0;
  }

  private ServedDisk open(ChosenPoint chosen, RestorePoint.Disk one, OpenParts opened)
      throws IOException {
    ServedImage image = opened.add(ServedImage.open(chosen.image(one), one.virtualSize()));
    return writable ? opened.add(ThrowAwayDisk.over(image, scratch)) : image;
  }

  private ExportServer listen(Map<String, ServedDisk> exports, OpenParts opened)
      throws IOException {
    if (port != null) {
      if (port < 0 || port > 65535) {
        throw OperatorException.usage("--port is " + port + "; expected 0 to 65535", null);
      }
      InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
      return ExportServer.loopback(address, exports, this::log);
    }
    Path path = socket;
    if (path == null) {
      Path folder = Files.createTempDirectory("backstep-nbd-");
      opened.add(() -> Files.delete(folder));
      path = folder.resolve("nbd.sock");
    }
    Path absolute = path.toAbsolutePath().normalize();
    if (absolute.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8).length
        > SOCKET_PATH_BYTES_MAX) {
      throw OperatorException.usage(
          absolute + " is longer than " + SOCKET_PATH_BYTES_MAX + " bytes, the most for a socket",
          null);
    }
    return ExportServer.unix(absolute, exports, this::log);
  }

  private void log(String line) {
    session.terminal().error("backstep: " + line);
  }

  private void print(ChosenPoint chosen, ExportServer server) throws IOException {
    List<Map<String, Object>> disks = new ArrayList<>();
    Table table = new Table("DISK", "KEY", "SIZE", "EXPORT");
    for (RestorePoint.Disk one : chosen.point().disks()) {
      if (!chosen.has(one)) {
        continue;
      }
      String export = "disk-" + one.diskId();
      String uri = NbdUri.of(server.address(), export).text();
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("disk_id", one.diskId());
      fields.put("disk_key", one.diskKey());
      fields.put("virtual_size", one.virtualSize());
      fields.put("uri", uri);
      disks.add(fields);
      table.add(
          String.valueOf(one.diskId()),
          BackupText.printable(one.diskKey()),
          Sizes.bytes(one.virtualSize()),
          uri);
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("backup_id", chosen.point().backupId());
    fields.put("vm_name", chosen.point().vmName());
    fields.put("writable", writable);
    fields.put("disks", disks);
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(fields)
                : table
                    + System.lineSeparator()
                    + (writable ? "writable, nothing of it is kept" : "read-only")
                    + "; Ctrl-C ends it");
  }
}
