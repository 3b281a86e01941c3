package dev.backstep.testing;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A guest of one process, which runs what it is told through its agent. */
public final class LibvirtGuest {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** The agent starts nothing in a guest that it has frozen; what waits already can go on. */
  public static final String AWAIT_WORD =
      "p=/dev/$(basename $(dirname $(grep -l backstep.test /sys/class/virtio-ports/*/name)));"
          + " until [ \"$(dd if=$p bs=1 count=1 2>/dev/null)\" = g ]; do usleep 50000; done; ";

  private static final Duration WORD_AGAIN = Duration.ofSeconds(10);

  private final LibvirtHost host;
  private final String name;

  private LibvirtGuest(LibvirtHost host, String name) {
    this.host = host;
    this.name = name;
  }

  /** One that is defined already. */
  public static LibvirtGuest defined(LibvirtHost host, String name) {
    return new LibvirtGuest(host, name);
  }

  /** Defines one; its disks are vda, vdb, ... */
  public LibvirtGuest(LibvirtHost host, String name, List<Path> disks) throws Exception {
    this(host, name);
    Path xml = host.folder().resolve(name + ".xml");
    Files.writeString(xml, xml(disks));
    host.virsh("define", xml);
  }

  private String xml(List<Path> disks) {
    StringBuilder devices = new StringBuilder();
    for (int i = 0; i < disks.size(); i++) {
      devices
          .append("<disk type='file' device='disk'><driver name='qemu' type='")
          .append(disks.get(i).toString().endsWith(".raw") ? "raw" : "qcow2")
          .append("' discard='unmap'/><source file='")
          .append(disks.get(i))
          .append("'/><target dev='vd")
          .append((char) ('a' + i))
          .append("' bus='virtio'/></disk>");
    }
    devices.append("<controller type='pci' index='0' model='pcie-root'/>");
    devices.repeat("<controller type='pci' model='pcie-root-port'/>", 10);
    return """
    <domain type='qemu'>
      <name>%s</name>
      <memory unit='MiB'>160</memory>
      <vcpu>1</vcpu>
      <os>
        <type arch='x86_64' machine='q35'>hvm</type>
        <kernel>%s</kernel>
        <initrd>%s</initrd>
        <cmdline>console=ttyS0 quiet panic=-1</cmdline>
      </os>
      <features><acpi/></features>
      <cpu mode='maximum'/>
      <on_poweroff>destroy</on_poweroff>
      <devices>
        <emulator>/usr/bin/qemu-system-x86_64</emulator>
        %s
        <serial type='file'><source path='%s'/></serial>
        <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
        <channel type='unix'>
          <source mode='bind' path='%s'/>
          <target type='virtio' name='backstep.test'/>
        </channel>
        <memballoon model='none'/>
      </devices>
    </domain>
    """
        .formatted(
            name,
            host.folder().resolve("vmlinuz"),
            host.folder().resolve("initrd.gz"),
            devices,
            console(),
            line());
  }

  private Path console() {
    return host.disks().resolve(name + ".console");
  }

  /** The host's end of what {@link #AWAIT_WORD} reads. */
  private Path line() {
    return host.disks().resolve(name + ".line");
  }

  public String name() {
    return name;
  }

  /** What libvirt says that it does. */
  public String state() {
    return host.virsh("domstate", name, "--reason");
  }

  /** Starts it and waits until it does what it is told. */
  public void start() {
    host.virsh("start", name);
    await("the agent", this::answers);
  }

  /** Whether its agent does what it is told. */
  public boolean answers() {
    return agent("{\"execute\":\"guest-ping\"}").status() == 0;
  }

  public void startIfOff() {
    if (state().startsWith("shut off")) {
      start();
    }
  }

  private Tool.Result agent(String request) {
    return host.tryVirsh("qemu-agent-command", name, request);
  }

  /** Runs a shell command in the guest and returns what it printed; fails when it fails. */
  public String run(String command) {
    Map<String, Object> arguments = new LinkedHashMap<>();
    arguments.put("path", "/bin/sh");
    arguments.put("arg", List.of("-c", command));
    arguments.put("capture-output", true);
    Tool.Result begun =
        agent(JSON.writeValueAsString(Map.of("execute", "guest-exec", "arguments", arguments)));
    if (begun.status() != 0) {
      throw new AssertionError(begun.output());
    }
    long pid = JSON.readTree(begun.output()).path("return").path("pid").asLong();
    String ask = "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":" + pid + "}}";
    List<JsonNode> ended = new ArrayList<>();
    await(
        command,
        () -> {
          Tool.Result told = agent(ask);
          if (told.status() != 0) {
            return false; // a guest that is paused does not answer
          }
          JsonNode answer = JSON.readTree(told.output()).path("return");
          if (answer.path("exited").asBoolean(false)) {
            ended.add(answer);
          }
          return !ended.isEmpty();
        });
    JsonNode answer = ended.getFirst();
    String printed = decoded(answer.path("out-data")) + decoded(answer.path("err-data"));
    if (answer.path("exitcode").asInt(99) != 0) {
      throw new AssertionError(command + ": " + printed);
    }
    return printed;
  }

  private static String decoded(JsonNode base64) {
    byte[] bytes = Base64.getDecoder().decode(base64.asString(""));
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Starts a shell command in the guest that goes on by itself. */
  public void begin(String command) {
    run("setsid sh -c '" + command + "' >/dev/null 2>&1 </dev/null &");
  }

  public void freeze() {
    host.virsh("domfsfreeze", name);
  }

  /**
   * Lets a command that began with {@link #AWAIT_WORD} go on, also in a guest that is frozen, and
   * waits until it has written a line to the console. The word is given again after a while: one
   * that comes while the guest closes the line, which nobody held open before, is dropped by its
   * kernel. One too many stays on this side, where it is gone with the socket.
   */
  public void giveWord(String answer) throws IOException {
    try (SocketChannel line = SocketChannel.open(UnixDomainSocketAddress.of(line()))) {
      long[] given = new long[1];
      await(
          answer,
          () -> {
            long now = System.nanoTime();
            if (given[0] == 0 || now - given[0] > WORD_AGAIN.toNanos()) {
              line.write(ByteBuffer.wrap(new byte[] {'g'}));
              given[0] = now;
            }
            return said(answer);
          });
    }
  }

  /** Ends its agent until {@link #giveWord} with the same answer lets it be started again. */
  public void endAgent(String answer) {
    begin(
        "agent=$(tr \"\\\\0\" \" \" < /proc/$(cat /tmp/qga.pid)/cmdline); sleep 1; kill $(cat"
            + " /tmp/qga.pid); "
            + AWAIT_WORD
            + "$agent; echo "
            + answer
            + " > /dev/ttyS0");
    await("the agent's end", () -> !answers());
  }

  public void thaw() {
    host.virsh("domfsthaw", name);
  }

  public boolean isFrozen() {
    return agent("{\"execute\":\"guest-fsfreeze-status\"}").output().contains("frozen");
  }

  /** What QEMU answers to a command of its own protocol. */
  public JsonNode qmp(String command) {
    return JSON.readTree(host.virsh("qemu-monitor-command", name, command)).path("return");
  }

  /** Whether a line was written to the guest's console. */
  public boolean said(String line) {
    return Tool.tryRun("grep", "-q", line, console()).status() == 0;
  }

  /** Shuts it down as its user would: everything is written. */
  public void powerOff() {
    beginPowerOff();
    awaitOff();
  }

  public void beginPowerOff() {
    begin("sleep 0.2; sync; umount /mnt/a /mnt/b; poweroff -f");
  }

  public void awaitOff() {
    await("power off", () -> state().startsWith("shut off"));
  }

  /** As a crash of QEMU. */
  public void kill() throws Exception {
    host.qemu(name).destroyForcibly();
    await("the end of QEMU", () -> state().startsWith("shut off"));
  }

  /** What happens in the end. */
  public interface Condition {
    boolean isTrue() throws Exception;
  }

  /** Waits for what happens within two minutes. */
  public static void await(String what, Condition condition) {
    long deadline = System.nanoTime() + 120_000_000_000L;
    try {
      while (!condition.isTrue()) {
        if (System.nanoTime() - deadline > 0) {
          throw new AssertionError("waited in vain for " + what);
        }
        LibvirtHost.pause();
      }
    } catch (Exception e) {
      throw new AssertionError("while waiting for " + what, e);
    }
  }
}
