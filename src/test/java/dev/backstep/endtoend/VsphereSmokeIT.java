package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import dev.backstep.testing.Vcenter.Vm;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The script for real vCenters, at this one. */
class VsphereSmokeIT extends VsphereTest {

  @Test
  void smokeScriptFindsThatAllIsWell() throws Exception {
    write(machine("web", true, "", 2 * MIB, MIB));
    Vm clone = machine("clone", true, "", 2 * MIB, MIB);
    write(clone);
    vcenter.power(clone, "off");

    String said =
        Tool.run(
            "env",
            "SMOKE_PAUSE=0",
            Path.of("ops", "vsphere-smoke").toAbsolutePath(),
            folder.resolve("jobs/web.yaml"),
            "--onto-vm",
            folder.resolve("jobs/clone.yaml"));

    assertThat(said).contains("Images are identical", "CBT_RESET", "smoke: all is well");
    assertThat(said).doesNotContain("ATTENTION");
  }
}
