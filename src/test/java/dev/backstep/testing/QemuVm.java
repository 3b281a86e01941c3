package dev.backstep.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A QEMU without libvirt and, unless it is started to run, without a guest: what a guest would
 * write its devices are made to write. It has two monitors, one for the program under test and one
 * for the test. Node {@code a} is the disk of device {@code d0}, a drive without a name of its node
 * that of {@code d1}.
 */
public final class QemuVm {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path folder;
  private final boolean running;
  private Process qemu;
  private SocketChannel channel;
  private BufferedReader answers;

  private QemuVm(Path folder, boolean running) throws Exception {
    this.folder = folder;
    this.running = running;
    start();
  }

  /**
   * @param folder short-pathed, holds {@code a.qcow2} and {@code b.qcow2}
   * @param running whether its processor runs, and boots the first disk
   */
  public static QemuVm start(Path folder, boolean running) throws Exception {
    return new QemuVm(folder, running);
  }

  /** Starts it again, with the same disks. */
  public void start() throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                "qemu-system-x86_64",
                "-machine",
                "q35",
                "-accel",
                "tcg",
                "-nodefaults",
                "-display",
                "none",
                "-m",
                "64",
                "-qmp",
                "unix:" + socket() + ",server=on,wait=off",
                "-qmp",
                "unix:" + folder.resolve("test") + ",server=on,wait=off",
                "-device",
                "pcie-root-port,id=port0,chassis=1",
                "-blockdev",
                "driver=file,node-name=fa,filename=" + disk("a"),
                "-blockdev",
                "driver=qcow2,node-name=a,file=fa,discard=unmap",
                "-device",
                "virtio-blk-pci,drive=a,id=d0,bootindex=0",
                "-drive",
                "if=none,id=drive1,format=qcow2,discard=unmap,file=" + disk("b"),
                "-device",
                "virtio-blk-pci,drive=drive1,id=d1"));
    if (!running) {
      command.add("-S");
    }
    Files.deleteIfExists(folder.resolve("test"));
    Files.deleteIfExists(socket());
    Path log = folder.resolve("qemu.log");
    qemu =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    LibvirtGuest.await(
        "QEMU: " + Files.readString(log), () -> Files.exists(folder.resolve("test")) && connects());
    qmp("qmp_capabilities");
  }

  private boolean connects() {
    try {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("test")));
      answers =
          new BufferedReader(
              new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
      return answers.readLine() != null;
    } catch (IOException e) {
      return false;
    }
  }

  /** The monitor for the program under test. */
  public Path socket() {
    return folder.resolve("qmp");
  }

  public Path disk(String name) {
    return folder.resolve(name + ".qcow2");
  }

  public Path scratch() {
    return folder.resolve("scratch");
  }

  /** Runs a command; fails when QEMU refuses it. */
  public JsonNode qmp(String command, Object... arguments) {
    JsonNode answer = tryQmp(command, arguments);
    if (answer.has("error")) {
      throw new AssertionError(command + ": " + answer.get("error"));
    }
    return answer.get("return");
  }

  /** Runs a command, however QEMU answers. */
  public JsonNode tryQmp(String command, Object... arguments) {
    Map<String, Object> words = new LinkedHashMap<>();
    for (int i = 0; i < arguments.length; i += 2) {
      words.put(arguments[i].toString(), arguments[i + 1]);
    }
    String text = JSON.writeValueAsString(Map.of("execute", command, "arguments", words)) + "\n";
    try {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      while (true) {
        JsonNode message = JSON.readTree(answers.readLine());
        if (message.has("return") || message.has("error")) {
          return message;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Lets a device write as a guest would, in qemu-io's words. */
  public void write(String device, String... commands) {
    for (String command : commands) {
      String line =
          "qemu-io -d /machine/peripheral/" + device + "/virtio-backend \"" + command + "\"";
      String said = qmp("human-monitor-command", "command-line", line).asString();
      if (!said.isBlank()) {
        throw new AssertionError(line + ": " + said);
      }
    }
  }

  /** The digest of what the guest sees in a disk at this instant. */
  public String sum(String name, String device) throws IOException {
    write(device, "flush");
    Path raw = folder.resolve(name + ".now");
    Tool.run("qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw", disk(name), raw);
    try {
      return Tool.run("md5sum", raw).split(" ")[0];
    } finally {
      Files.delete(raw);
    }
  }

  /** The names of our bitmaps in a node. */
  public List<String> marks(String node) {
    List<String> names = new ArrayList<>();
    for (JsonNode one : qmp("query-named-block-nodes")) {
      if (one.get("node-name").asString().equals(node)) {
        for (JsonNode bitmap : one.path("dirty-bitmaps")) {
          names.add(bitmap.path("name").asString());
        }
      }
    }
    return names.stream().filter(name -> !name.contains(".end-")).toList();
  }

  /** What QEMU and the scratch folder still hold of a snapshot; empty when it was cleared. */
  public List<String> leftovers() throws IOException {
    List<String> left = new ArrayList<>();
    for (String command : List.of("query-jobs", "query-block-exports", "query-named-block-nodes")) {
      String said = qmp(command).toString();
      Pattern.compile("backstep-[^\"]+")
          .matcher(said)
          .results()
          .forEach(name -> left.add(command + " " + name.group()));
    }
    try (Stream<Path> files = Files.list(scratch())) {
      files.forEach(file -> left.add(file.toString()));
    }
    return left;
  }

  /** What its guest has written to all disks. */
  public long writtenBytes() {
    long bytes = 0;
    for (JsonNode device : qmp("query-blockstats")) {
      bytes += device.get("stats").get("wr_bytes").asLong();
    }
    return bytes;
  }

  public String status() {
    return qmp("query-status").get("status").asString();
  }

  /** Ends it as a guest does that powers off. */
  public void quit() throws Exception {
    qmp("quit");
    qemu.waitFor();
    channel.close();
  }

  public void kill() throws Exception {
    qemu.destroyForcibly().waitFor();
    channel.close();
  }

  /** Ends it, whatever it does. */
  public void close() throws Exception {
    qemu.destroy();
    if (!qemu.waitFor(10, TimeUnit.SECONDS)) {
      qemu.destroyForcibly().waitFor();
    }
    channel.close();
  }
}
