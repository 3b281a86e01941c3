package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.api.ServerProcess;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.LibvirtHost;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * A job file with an image and a selection of domains, which are off: what is selected is asked of
 * a real libvirt daemon each time.
 */
class SelectionIT {

  private static final String NAMESPACE = "urn:backstep:libvirt:1";

  private static LibvirtHost host;

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  private Path folder;

  private Program program;

  @BeforeAll
  static void startDaemon() throws Exception {
    host = LibvirtHost.start();
    for (String name : List.of("web1", "web2", "web3")) {
      Path disk = host.disks().resolve(name + ".qcow2");
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "8M");
      write(disk, "write -P 7 1M 1M");
      new LibvirtGuest(host, name, List.of(host.owned(disk)));
    }
  }

  @AfterAll
  static void stopDaemon() {
    host.close();
  }

  private static void write(Path disk, String what) {
    Tool.run("qemu-io", "-f", "qcow2", "-c", what, disk);
  }

  @BeforeEach
  void define() throws IOException {
    program = new Program(folder);
    Files.createDirectory(folder.resolve("jobs"));
    tag("web1", "eu nightly");
    tag("web2", "nightly");
    tag("web3", "eu");
    Tool.run("qemu-img", "create", "-q", "-f", "raw", folder.resolve("plain.raw"), "1M");
    write("group.yaml", "schedule: { cron: \"0 0 0 1 1 ? 2098\", zone: UTC }");
  }

  /** As `virsh metadata` sets it. */
  private static void tag(String domain, String tags) {
    host.virsh(
        "metadata",
        domain,
        "--uri",
        NAMESPACE,
        "--key",
        "backstep",
        "--set",
        "<tags>" + tags + "</tags>",
        "--config");
  }

  private void write(String file, String schedule) throws IOException {
    Files.writeString(
        folder.resolve("jobs").resolve(file),
        """
        vm: plain
        source: { type: image, disks: [ { key: vda, path: ../plain.raw, format: raw } ] }
        repository: ../repository
        ---
        vm: kvm
        source:
          type: libvirt
          uri: "%s"
          select-name: "web*"
          select-tag: nightly
          before-snapshot: "test ! -e %s/refuse-$1"
          scratch: %s
          scratch-room-mib: 1
        repository: ../repository
        %s
        """
            .formatted(host.uri(), folder, host.scratch(), schedule));
  }

  /** The newest backup of each VM that has one: its status and what became of its first disk. */
  private List<String> newest() throws Exception {
    Map<String, String> found = new TreeMap<>();
    for (JsonNode backup : program.succeed("list", "--json").json()) {
      String level = backup.get("disks").path(0).path("level").asString("-");
      String vm = backup.get("vm_name").asString();
      found.putIfAbsent(vm, vm + " " + backup.get("status").asString() + " " + level);
    }
    return List.copyOf(found.values());
  }

  @Test
  void eachRunBacksUpTheDomainsThatAreSelectedThen() throws Exception {
    Program.Result first = program.run("backup", "jobs/group.yaml");
    assertThat(first.status()).as(first.errors()).isZero();
    assertThat(newest())
        .containsExactly("plain COMPLETED full", "web1 COMPLETED full", "web2 COMPLETED full");

    tag("web3", "nightly");
    Files.createFile(folder.resolve("refuse-web2"));
    Program.Result second = program.run("backup", "kvm");
    assertThat(second.status()).as(second.errors()).isEqualTo(1);
    assertThat(newest())
        .containsExactly(
            "plain COMPLETED full",
            "web1 COMPLETED incremental",
            "web2 FAILED -",
            "web3 COMPLETED full");

    host.virsh("metadata", "web2", "--uri", NAMESPACE, "--remove", "--config");
    Files.delete(folder.resolve("refuse-web2"));
    String failed =
        program.succeed("list", "--vm", "web2", "--json").json().get(0).get("backup_id").asString();
    write(host.disks().resolve("web2.qcow2"), "write -P 9 3M 64k");
    program.succeed("relaunch", failed);
    assertThat(newest()).contains("web2 COMPLETED incremental");
    assertThat(restored(failed)).isEqualTo(read(host.disks().resolve("web2.qcow2")));

    Instant then = Instant.now().plusSeconds(1).truncatedTo(ChronoUnit.SECONDS);
    LibvirtGuest.await("the next second", () -> Instant.now().isAfter(then));
    Program.Result third = program.run("backup", "kvm");
    assertThat(third.status()).as(third.errors()).isZero();
    assertThat(program.succeed("list", "--vm", "web2", "--json").json()).hasSize(2);
    assertThat(
            program.succeed("executions", "stale", "--since", then.toString(), "--json").output())
        .contains("\"web2\"")
        .doesNotContain("\"web1\"", "\"web3\"");
    assertThat(program.run("doctor").output())
        .contains("ok    kvm selection: web1, web3", "ok    web3 domain: web3 ");
  }

  /** What the restore point gives back. */
  private String restored(String id) throws Exception {
    Path target = folder.resolve("restored");
    program.succeed("restore", id, "--to", target.toString(), "--format", "qcow2");
    return read(target.resolve("disk-0.qcow2"));
  }

  private String read(Path disk) throws IOException {
    Path raw = folder.resolve("now.raw");
    Tool.run("qemu-img", "convert", "-O", "raw", disk, raw);
    String sum = Tool.run("md5sum", raw).split(" ")[0];
    Files.delete(raw);
    return sum;
  }

  /** The other daemon may have a domain of that name; the file that is broken may name any. */
  @Test
  void domainThatAnotherDefinitionMayHaveIsLeftToIt() throws Exception {
    Path other = folder.resolve("jobs/other.yaml");
    Files.writeString(
        other,
        """
        vm: away
        source: { type: libvirt, uri: "qemu:///session?socket=%s/none", select-name: "*1" }
        repository: ../repository
        """
            .formatted(folder));

    Program.Result away = program.run("backup", "kvm");

    assertThat(away.status()).as(away.errors()).isEqualTo(3);
    assertThat(away.errors())
        .contains("leaves web1 to the definition of away, whose source cannot");
    assertThat(newest()).containsExactly("web2 COMPLETED full");

    Files.writeString(other, "vm: [");
    Program.Result broken = program.run("backup", "kvm");

    assertThat(broken.status()).as(broken.errors()).isEqualTo(2);
    assertThat(broken.errors()).contains("kvm selects no VM while", "other.yaml:1:");
    assertThat(program.succeed("list", "--json").json()).hasSize(1);
  }

  @Test
  void selectionOfNothingTellsThePatternsAndTheDomains() throws Exception {
    tag("web1", "none");
    tag("web2", "none");

    Program.Result refused = program.run("backup", "kvm");

    assertThat(refused.status()).isEqualTo(4);
    assertThat(refused.errors()).contains("name 'web*', tag 'nightly'; there are web1, web2, web3");
  }

  @Test
  void scheduleQueuesABackupOfEachDomainAndTheCommandGoesThroughTheServer() throws Exception {
    write("group.yaml", "schedule: { cron: \"0/4 * * * * ?\", zone: UTC }");
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      LibvirtGuest.await(
          "a backup of each",
          () ->
              fires(server, "kvm").toString().contains("web1 queued: backup-web1")
                  && fires(server, "web1").toString().contains("\"COMPLETED\"")
                  && fires(server, "web2").toString().contains("\"COMPLETED\""));
      ServerProcess.json(server.post("/api/v1/schedules/pause", "{\"vm_name\":\"kvm\"}"), 200);
      JsonNode fire = fires(server, "kvm").get(0);

      assertThat(fires(server, "web3")).isEmpty();
      assertThat(fire.get("backup_id").isNull()).isTrue();
      assertThat(fire.get("reason").asString()).contains("web1 ", "; web2 ");

      tag("web3", "nightly");
      LibvirtGuest.await("an idle queue", () -> program.run("backup", "kvm").status() == 0);
      assertThat(newest()).contains("web3 COMPLETED full");
      assertThat(server.post("/api/v1/backups", "{\"vm_name\":\"kvm\"}").body())
          .contains("a selection of VMs, now of web1, web2, web3");
    }
  }

  private static JsonNode fires(ServerProcess server, String vm) {
    return ServerProcess.json(server.get("/api/v1/schedules/fires?vm_name=" + vm), 200)
        .get("fires");
  }
}
