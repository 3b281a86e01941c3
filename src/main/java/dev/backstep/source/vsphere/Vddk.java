package dev.backstep.source.vsphere;

import dev.backstep.source.NbdServer;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The bytes of disks: {@code nbdkit} with its plugin {@code vddk}, one process a disk. The password
 * goes to it through a pipe, on file descriptor 3; no list of processes and no file shows it.
 */
final class Vddk {

  /** Hands standard input over as descriptor 3: nbdkit takes no password from the first three. */
  private static final String HAND_OVER = "exec 3<&0 </dev/null; exec \"$@\"";

  private static final Duration DUMP_MAX = Duration.ofSeconds(20);

  private final VsphereSettings settings;
  private final Path runFolder;

  Vddk(VsphereSettings settings, Path runFolder) {
    this.settings = settings;
    this.runFolder = runFolder;
  }

  /**
   * What is opened.
   *
   * @param snapshot to read from; empty to write to the VM's disk as it is now
   * @param file of the disk in that configuration: after a snapshot, the VM's own has another
   */
  record Disk(Moref machine, java.util.Optional<Moref> snapshot, String file) {}

  /** Serves a disk; the caller closes it. */
  NbdServer serve(Disk disk, String thumbprint) throws SourceException {
    return NbdServer.start(recipe(disk, thumbprint), runFolder);
  }

  /** The same, behind a socket of this name. */
  NbdServer serve(Disk disk, String thumbprint, String name) throws SourceException {
    return NbdServer.start(recipe(disk, thumbprint), runFolder, name);
  }

  private NbdServer.Recipe recipe(Disk disk, String thumbprint) throws SourceException {
    return new NbdServer.Recipe(
        "nbdkit",
        "",
        socket -> command(disk, thumbprint, socket),
        settings.password().getBytes(StandardCharsets.UTF_8),
        errors ->
            new SourceException(
                SourceException.Kind.FAILED,
                disk.machine() + ", " + disk.file() + ": nbdkit vddk: " + errors));
  }

  private List<String> command(Disk disk, String thumbprint, Path socket) {
    List<String> command = new ArrayList<>(List.of("sh", "-c", HAND_OVER, "sh"));
    command.add(settings.nbdkit());
    command.addAll(List.of("--foreground", "--unix=" + socket));
    if (disk.snapshot().isPresent()) {
      command.add("--readonly");
    }
    command.addAll(List.of("--filter=retry", "--filter=blocksize", "--filter=multi-conn", "vddk"));
    settings.vddk().ifPresent(folder -> command.add("libdir=" + folder));
    settings.vddkConfig().ifPresent(file -> command.add("config=" + file));
    command.addAll(
        List.of(
            "server=" + settings.server(),
            "port=" + settings.port(),
            "user=" + settings.user(),
            "password=-3",
            "thumbprint=" + thumbprint,
            "vm=moref=" + disk.machine()));
    disk.snapshot().ifPresent(snapshot -> command.add("snapshot=" + snapshot));
    command.addAll(
        List.of(
            "transports=" + settings.transports(),
            "compression=none",
            "file=" + disk.file(),
            // VDDK reads sectors, a vCenter lends buffers of 2 MiB, several connections slow it
            // down.
            "minblock=512",
            "maxdata=2M",
            "multi-conn-mode=disable",
            "retries=2",
            "retry-delay=2"));
    return command;
  }

  /**
   * The version of the VDDK that would be used.
   *
   * @throws IOException when there is none
   */
  String version() throws IOException {
    List<String> command = new ArrayList<>(List.of(settings.nbdkit(), "vddk", "--dump-plugin"));
    settings.vddk().ifPresent(folder -> command.add("libdir=" + folder));
    ToolRunner.Result result = ToolRunner.run(DUMP_MAX, command);
    String version =
        result
            .output()
            .lines()
            .filter(line -> line.startsWith("vddk_library_version="))
            .map(line -> line.substring("vddk_library_version=".length()))
            .findFirst()
            .orElse("");
    if (result.failed() || version.isEmpty()) {
      throw new IOException(
          settings.nbdkit()
              + " with its plugin vddk finds no VDDK"
              + (result.errors().isEmpty() ? "" : " (" + result.errors() + ")")
              + "; docs/vsphere.md says how to set both up");
    }
    return version;
  }
}
