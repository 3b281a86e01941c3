package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CbtAuditIT {

  @TempDir private Path folder;

  @Test
  void writesThatTrackingMissedMakeThatDiskFullAtOnce() throws Exception {
    Program program = new Program(folder);
    Path lying = folder.resolve("a.qcow2");
    Path honest = folder.resolve("b.qcow2");
    for (Path disk : new Path[] {lying, honest}) {
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "12345K");
      Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 1 0 8M", disk);
    }
    Path job = folder.resolve("a.yaml");
    Files.writeString(
        job,
        """
        vm: a
        source: { type: image, disks: [ { key: a, path: %s }, { key: b, path: %s } ] }
        repository: %s
        """
            .formatted(lying, honest, folder.resolve("repository")));
    JsonNode full = program.succeed("backup", "" + job, "--json").json();
    String bitmap = full.get("disks").get(0).get("change_id").asString();
    Tool.run("qemu-img", "bitmap", "--disable", lying, bitmap);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 2 3M 64K", lying);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 3 11M 1K", lying);
    Tool.run("qemu-img", "bitmap", "--enable", lying, bitmap);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 4 5M 64K", lying);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 4 5M 64K", honest);

    JsonNode second = program.succeed("backup", "" + job, "--json").json();

    JsonNode found = second.get("disks").get(0);
    assertThat(found.get("reason").asString()).isEqualTo("CBT_AUDIT_FAILED");
    assertThat(found.get("level").asString()).isEqualTo("full");
    assertThat(found.get("cause").asString())
        .contains("byte 3145728 +65536", "byte 11534336 +65536");
    assertThat(found.get("bytes_differing").asLong()).isEqualTo(2 * 65536);
    JsonNode sibling = second.get("disks").get(1);
    assertThat(sibling.get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(sibling.get("bytes_audited").asLong()).isEqualTo((8 << 20) - 65536);
    assertThat(sibling.get("bytes_differing").asLong()).isZero();
    String id = second.get("backup_id").asString();
    assertThat(program.succeed("show", id).output())
        .contains("were not what change tracking said", "change tracking told the truth");
    Path target = folder.resolve("restored");
    program.succeed("restore", id, "--to", "" + target);
    Tool.compare(target.resolve("disk-0.raw"), "raw", lying, "qcow2");
    Tool.compare(target.resolve("disk-1.raw"), "raw", honest, "qcow2");

    JsonNode third = program.succeed("backup", "" + job, "--json").json();
    assertThat(third.get("disks").get(0).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
  }

  @Test
  void anAuditThatIsSwitchedOffReadsNothing() throws Exception {
    Program program = new Program(folder);
    Path disk = folder.resolve("a.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "8M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 1 0 8M", disk);
    Path job = folder.resolve("a.yaml");
    Files.writeString(
        job,
        """
        vm: a
        source: { type: image, disks: [ { key: a, path: %s } ] }
        repository: %s
        cbt-audit: { sample: 0, all-within: 0s }
        """
            .formatted(disk, folder.resolve("repository")));
    program.succeed("backup", "" + job);

    JsonNode second = program.succeed("backup", "" + job, "--json").json();

    assertThat(second.get("disks").get(0).get("bytes_audited").asLong()).isZero();
    assertThat(second.get("disks").get(0).get("bytes_read").asLong()).isZero();
  }
}
