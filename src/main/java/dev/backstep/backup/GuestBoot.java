package dev.backstep.backup;

import dev.backstep.domain.BootSettings;
import dev.backstep.source.Acceleration;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A restore point that is booted: its disks are served with a layer over them that takes what the
 * guest writes and is thrown away, and a machine of QEMU runs from them until all signs of life
 * were seen, it ended, or its time is over. For one thread; the caller closes it.
 */
public final class GuestBoot implements RestoreProbe {

  /** Longest path of a unix socket (unix(7)), less the byte that ends it. */
  private static final int SOCKET_BYTES_MAX = 107;

  private static final Duration PING_PERIOD = Duration.ofSeconds(2);

  private final BootSettings settings;
  private final boolean kvm;
  private final Path folder;
  private final ServedPoint point;
  private final Console console = new Console();
  private final Optional<Pattern> pattern;
  private final @Nullable GuestAgent agent;
  private final @Nullable GuestPort port;
  private final ChildProcess machine;
  private final long startedAt = System.nanoTime();
  private long pingedAt = startedAt;
  private boolean consoleSeen;
  private boolean portSeen;

  private GuestBoot(
      BootSettings settings, Path folder, ServedPoint point, Path runFolder, boolean kvm)
      throws IOException {
    this.settings = settings;
    this.kvm = kvm;
    this.folder = folder;
    this.point = point;
    this.pattern = settings.console().map(text -> Pattern.compile(text, Pattern.MULTILINE));
    Path pipes = folder.resolve("agent");
    this.agent = settings.agent() ? GuestAgent.make(pipes) : null;
    OptionalInt hostPort =
        settings.port().isPresent() ? OptionalInt.of(GuestPort.free()) : OptionalInt.empty();
    this.port = hostPort.isPresent() ? new GuestPort(hostPort.getAsInt()) : null;
    List<String> command = BootCommand.of(settings, kvm, point, pipes, hostPort);
    this.machine = ChildProcess.start(runFolder, folder, command, console::append);
    if (agent != null) {
      agent.listen();
    }
  }

  /**
   * Boots.
   *
   * @param disks in the order in which the guest shall see them; it boots from the first that it
   *     can
   * @param runFolder where sockets and the machine's record are kept
   * @param scratch the folder for what the guest writes
   * @param log is told of connections to the disks that end with an error
   * @throws SourceException when QEMU is not installed
   */
  public static GuestBoot start(
      List<ServedPoint.Disk> disks,
      BootSettings settings,
      Path runFolder,
      Path scratch,
      Consumer<String> log)
      throws IOException {
    ToolRunner.require(BootCommand.QEMU);
    if (settings.firmware().equals("uefi") && !Files.exists(BootCommand.UEFI)) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          BootCommand.UEFI + ": there is no such file; install the Debian package ovmf");
    }
    boolean kvm = Acceleration.kvm();
    Path folder = folder(runFolder);
    try {
      ServedPoint point = ServedPoint.open(disks, folder.resolve("nbd"), Optional.of(scratch), log);
      try {
        return new GuestBoot(settings, folder, point, runFolder, kvm);
      } catch (IOException | RuntimeException e) {
        point.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      remove(folder);
      throw e;
    }
  }

  /** In the run folder, where its path is short enough for a socket in it. */
  private static Path folder(Path runFolder) throws IOException {
    Path folder = Files.createTempDirectory(runFolder, "boot-");
    if (folder.resolve("nbd").toString().getBytes(StandardCharsets.UTF_8).length
        <= SOCKET_BYTES_MAX) {
      return folder;
    }
    Files.delete(folder);
    return Files.createTempDirectory("backstep-boot-");
  }

  /** Looks for signs of life. */
  @Override
  public Optional<Verdict> look() {
    boolean alive = machine.isAlive();
    consoleSeen = consoleSeen || pattern.filter(console::shows).isPresent();
    portSeen = portSeen || port != null && alive && port.answers();
    ask(alive);
    List<String> missing = missing();
    if (missing.isEmpty()) {
      return Optional.of(new Verdict(true, "alive after " + seconds() + " s, " + how()));
    }
    if (!alive) {
      return Optional.of(dead("the machine ended after " + seconds() + " s", missing));
    }
    if (System.nanoTime() - startedAt > settings.limit().toNanos()) {
      return Optional.of(dead("not alive within " + settings.limit().toSeconds() + " s", missing));
    }
    return Optional.empty();
  }

  private void ask(boolean alive) {
    if (agent == null || !alive || System.nanoTime() - pingedAt < PING_PERIOD.toNanos()) {
      return;
    }
    pingedAt = System.nanoTime();
    try {
      agent.ping();
    } catch (IOException e) {
      console.append("\nbackstep: the guest agent cannot be asked: " + e.getMessage() + "\n");
    }
  }

  private List<String> missing() {
    List<String> missing = new ArrayList<>();
    if (pattern.isPresent() && !consoleSeen) {
      missing.add("nothing on the serial console matches '" + pattern.get() + "'");
    }
    if (agent != null && !agent.answered()) {
      missing.add("the guest agent does not answer");
    }
    if (port != null && !portSeen) {
      missing.add("port " + settings.port().orElse(0) + " of the guest does not answer");
    }
    return missing;
  }

  private Verdict dead(String what, List<String> missing) {
    String complaint = machine.isAlive() ? "" : machine.errors();
    String last = console.lastLines();
    return new Verdict(
        false,
        what
            + ", "
            + how()
            + ": "
            + String.join("; ", missing)
            + (complaint.isEmpty() ? "" : "; QEMU said: " + complaint)
            + (last.isEmpty()
                ? "; nothing was printed on the serial console"
                : "; the serial console's last lines:\n" + last));
  }

  private String how() {
    return kvm ? "on KVM" : "emulated";
  }

  private String seconds() {
    return String.format(Locale.ROOT, "%.1f", (System.nanoTime() - startedAt) / 1e9);
  }

  private static void remove(Path folder) {
    File[] inside = folder.toFile().listFiles();
    if (inside != null) {
      for (File one : inside) {
        one.delete();
      }
    }
    folder.toFile().delete();
  }

  /** Ends the machine at once, as pulling its plug would, and throws away what it wrote. */
  @Override
  public void close() throws IOException {
    if (agent != null) {
      agent.end();
    }
    machine.kill();
    try {
      point.close();
    } finally {
      remove(folder);
    }
  }
}
