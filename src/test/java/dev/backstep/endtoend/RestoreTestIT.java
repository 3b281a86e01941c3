package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.BootSector;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Restore points that are booted, in real machines. */
class RestoreTestIT {

  @TempDir private Path folder;

  private Program program;
  private String id = "";

  @BeforeEach
  void backUpBootableMachine() throws Exception {
    program = new Program(folder);
    Path system = folder.resolve("system.raw");
    BootSector.write(system, 1 << 20, "IT LIVES");
    Path data = folder.resolve("data.raw");
    Files.write(data, new byte[1 << 20]);
    Path job = folder.resolve("a.yaml");
    Files.writeString(
        job,
        "vm: a\nsource: { type: image, disks: [ { key: s, path: "
            + system
            + " }, { key: d, path: "
            + data
            + " } ] }\nrepository: "
            + folder.resolve("repository")
            + "\n");
    id = program.succeed("backup", job.toString(), "--json").json().get("backup_id").asString();
  }

  private JsonNode ledger() throws Exception {
    return program.succeed("show", id, "--json").json().get("ledger");
  }

  private String images() {
    return Tool.run(
        "sh", "-c", "find '" + folder.resolve("repository") + "' -type f | sort | xargs sha256sum");
  }

  @Test
  void whatBootsIsToldInTheLedgerAndImagesStayAsTheyAre() throws Exception {
    String before = images();

    Program.Result test =
        program.succeed("verify", id, "--boot", "--console", "IT +LIVES", "--json");

    assertThat(test.json().get("verdict").asString()).isEqualTo("PASSED");
    assertThat(test.json().get("status").asString()).isEqualTo("COMPLETED");
    JsonNode booted = ledger().get("booted");
    assertThat(booted.get("execution_id")).isEqualTo(test.json().get("execution_id"));
    program.succeed("restore", id, "--to", folder.resolve("one").toString(), "--disk", "1");
    assertThat(ledger().get("restored").isNull()).as("not all of it").isTrue();
    JsonNode disks = program.succeed("show", id, "--json").json().get("disks");
    assertThat(disks.get(0).get("ledger").get("restored").isNull()).isTrue();
    assertThat(disks.get(1).get("ledger").get("restored").get("at").isString()).isTrue();
    assertThat(program.succeed("show", id).output()).contains("(only disk 1: ");
    assertThat(program.succeed("list").output()).contains("booted");
    assertThat(images()).as("though the guest wrote to its disk").isEqualTo(before);
    assertThat(program.leftovers("qemu-system")).isEmpty();
    for (String bus : new String[] {"sata", "scsi"}) {
      program.succeed(
          "verify", id, "--boot", "--console", "LIVES", "--bus", bus, "--machine", "pc");
    }
  }

  @Test
  void whatDoesNotIsFindingWithTheConsolesLastWords() throws Exception {
    Program.Result test =
        program.run("verify", id, "--boot", "--console", "login:", "--limit", "4", "--json");

    assertThat(test.status()).as(test.errors()).isEqualTo(1);
    assertThat(test.json().get("verdict").asString()).isEqualTo("FAILED");
    assertThat(test.json().get("detail").asString())
        .contains("not alive within 4 s", "'login:'", "IT LIVES");
    assertThat(ledger().get("booted").isNull()).isTrue();
    assertThat(program.leftovers("qemu-system")).isEmpty();
    try (Stream<Path> run = Files.list(folder.resolve("home/run"))) {
      assertThat(run).isEmpty();
    }
    String task = test.json().get("task_id").asString();
    assertThat(program.succeed("tasks", "--kind", "test").output())
        .containsPattern(task + " +COMPLETED +failed ");
    assertThat(program.run("show", task).output()).startsWith("FAILED  " + id);
  }

  @Test
  void killedTestLeavesNoMachineAndCanBeRelaunched() throws Exception {
    Path output = folder.resolve("test.out");
    Process process =
        program.start(
            output,
            folder.resolve("test.err"),
            "verify",
            id,
            "--boot",
            "--agent",
            "--console",
            "LIVES",
            "--limit",
            "90");
    for (int i = 0; i < 600 && program.leftovers("qemu-system").isEmpty(); i++) {
      assertThat(process.isAlive()).as(Files.readString(folder.resolve("test.err"))).isTrue();
      Thread.sleep(50);
    }

    process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);

    for (int i = 0; i < 100 && !program.leftovers("qemu-system").isEmpty(); i++) {
      Thread.sleep(50);
    }
    assertThat(program.leftovers("qemu-system")).isEmpty();
    String task = Files.readString(output).lines().findFirst().orElseThrow();
    assertThat(program.succeed("show", task, "--json").json().get("status").asString())
        .isEqualTo("FAILED");
    Process again = program.start(output, folder.resolve("test.err"), "relaunch", task);
    for (int i = 0; i < 600 && program.leftovers("qemu-system").isEmpty(); i++) {
      Thread.sleep(50);
    }
    again.destroy();
    assertThat(again.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(again.exitValue()).as(Files.readString(folder.resolve("test.err"))).isEqualTo(130);
    assertThat(program.leftovers("qemu-system")).isEmpty();
  }

  @Test
  void nonsenseIsRefusedBeforeAnythingStarts() throws Exception {
    Program.Result nothing = program.run("verify", id, "--boot");
    assertThat(nothing.status()).isEqualTo(2);
    assertThat(nothing.errors()).contains("at least one of console");
    Program.Result pattern = program.run("verify", id, "--boot", "--console", "(");
    assertThat(pattern.status()).isEqualTo(2);
    assertThat(pattern.errors()).contains("regular expression");
    Program.Result bus = program.run("verify", id, "--boot", "--agent", "--bus", "isa");
    assertThat(bus.status()).isEqualTo(2);
    assertThat(bus.errors()).contains("virtio, sata, scsi, nvme");
    assertThat(program.run("verify", "--all", "--boot", "--agent").status()).isEqualTo(2);
    assertThat(program.run("verify", id, "--boot", "--agent", "--run", "true").status())
        .isEqualTo(2);
    Program.Result blank = program.run("verify", id, "--run", " ");
    assertThat(blank.status()).isEqualTo(2);
    assertThat(blank.errors()).contains("expected a command");
    assertThat(program.run("verify", "nothing", "--boot", "--agent").status()).isEqualTo(4);
  }
}
