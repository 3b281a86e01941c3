package dev.backstep.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A libvirt daemon of the test's own, without rights: session mode under its own runtime folder, as
 * nobody where the test is root. Nothing of the machine's libvirt is touched.
 */
public final class LibvirtHost implements AutoCloseable {

  private static final boolean ROOT = System.getProperty("user.name").equals("root");
  private static final String NOBODY = "65534";

  private final Path folder;
  private Process daemon;

  private LibvirtHost(Path folder) throws IOException {
    this.folder = folder;
    this.daemon = startDaemon();
  }

  /** Starts one, with a guest's kernel at hand. */
  public static LibvirtHost start() {
    Path guest = Path.of("target", "libvirt-guest").toAbsolutePath();
    Tool.run("src/test/resources/libvirt/make-guest.sh", guest);
    try {
      Path folder = newFolder();
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
      for (String own : List.of("h", "run", "disks", "scratch")) {
        Files.createDirectory(folder.resolve(own));
      }
      for (String file : List.of("vmlinuz", "initrd.gz")) {
        Files.copy(guest.resolve(file), folder.resolve(file));
      }
      Tool.run("chmod", "0700", folder.resolve("run"));
      Tool.run("chmod", "1777", folder.resolve("scratch"));
      LibvirtHost host = new LibvirtHost(folder);
      Runtime.getRuntime().addShutdownHook(new Thread(host::close));
      return host;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Short, for libvirt puts sockets deep into its home. */
  private static Path newFolder() throws IOException {
    for (int number = 0; ; number++) {
      String name = "v" + ProcessHandle.current().pid() + (number == 0 ? "" : "-" + number);
      try {
        return Files.createDirectory(Path.of("/tmp", name));
      } catch (FileAlreadyExistsException e) {
        // Another daemon of this process, or what one that was killed has left.
      }
    }
  }

  private Process startDaemon() throws IOException {
    List<String> command = new ArrayList<>();
    if (ROOT) {
      give(folder.resolve("h"), folder.resolve("run"), folder.resolve("disks"));
      command.addAll(
          List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"));
    }
    command.addAll(
        List.of(
            "env",
            "-i",
            "PATH=/usr/bin:/bin:/usr/sbin",
            "HOME=" + folder.resolve("h"),
            "XDG_RUNTIME_DIR=" + folder.resolve("run"),
            "/usr/sbin/libvirtd",
            "-t",
            "600",
            "-p",
            folder.resolve("run/libvirtd.pid").toString()));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("libvirtd.log").toFile())
            .start();
    for (int i = 0; i < 600 && !Files.exists(socket()) && process.isAlive(); i++) {
      pause();
    }
    return process;
  }

  private static void give(Path... files) {
    for (Path file : files) {
      Tool.run("chown", "-R", NOBODY + ":" + NOBODY, file);
    }
  }

  /** Makes a file the daemon's own. */
  public Path owned(Path file) {
    if (ROOT) {
      give(file);
    }
    return file;
  }

  private Path socket() {
    return folder.resolve("run/libvirt/libvirt-sock");
  }

  public Path folder() {
    return folder;
  }

  public Path disks() {
    return folder.resolve("disks");
  }

  public Path scratch() {
    return folder.resolve("scratch");
  }

  /** What a job definition names. */
  public String uri() {
    return "qemu+unix:///session?socket=" + socket();
  }

  public String virsh(Object... words) {
    return Tool.run(command(words)).strip();
  }

  public Tool.Result tryVirsh(Object... words) {
    return Tool.tryRun(command(words));
  }

  private Object[] command(Object... words) {
    List<Object> command = new ArrayList<>(List.of("env", "LC_ALL=C", "virsh", "-q", "-c", uri()));
    command.addAll(List.of(words));
    return command.toArray();
  }

  /** Ends the daemon; guests run on. */
  public void stop() throws Exception {
    daemon.destroy();
    daemon.waitFor();
    Files.deleteIfExists(socket());
  }

  /** Starts it again. */
  public void restart() throws IOException {
    daemon = startDaemon();
  }

  /** The process of a running guest. */
  public ProcessHandle qemu(String domain) throws IOException {
    Path file = folder.resolve("run/libvirt/qemu/run/" + domain + ".pid");
    return ProcessHandle.of(Long.parseLong(Files.readString(file).strip())).orElseThrow();
  }

  static void pause() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    if (!Files.exists(folder)) {
      return;
    }
    for (String domain : tryVirsh("list", "--name").output().lines().toList()) {
      if (!domain.isBlank()) {
        tryVirsh("destroy", domain.strip());
      }
    }
    daemon.destroy();
    try {
      daemon.waitFor(10, TimeUnit.SECONDS);
      Path logger = folder.resolve("run/libvirt/virtlogd.pid");
      if (Files.exists(logger)) {
        ProcessHandle.of(Long.parseLong(Files.readString(logger).strip()))
            .ifPresent(ProcessHandle::destroy);
      }
      Tool.tryRun("rm", "-rf", folder);
    } catch (IOException | InterruptedException e) {
      System.err.println("cannot remove " + folder + ": " + e);
    }
  }
}
