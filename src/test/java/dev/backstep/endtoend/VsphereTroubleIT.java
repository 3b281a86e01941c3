package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Vcenter.Vm;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What commands tell of trouble with a vCenter: the exit code, and what to do. */
class VsphereTroubleIT extends VsphereTest {

  @Test
  void everyKindOfTroubleHasItsExitCode() throws Exception {
    Vm web = machine("web", true, "", MIB, MIB);
    define("gone", "no-such-vm", "");
    write(web);

    busy();
    assertSays(5, "another task works on it", "backup", "web");
    busy();
    String failed = newest();
    assertSays(5, "another task works on it", "relaunch", failed);
    vcenter.control("calm");
    assertThat(vcenter.snapshots(web)).as("never made without the guest at rest").isEmpty();
    program.succeed("relaunch", failed);

    assertSays(4, "no such VM", "backup", "gone");
    vcenter.control("fault", "method", "CreateSnapshot_Task", "fault", "NoPermission");
    assertSays(1, "`backstep doctor` names the privileges", "backup", "web");
    Path password = folder.resolve("lab/password");
    String right = Files.readString(password);
    Files.writeString(password, "wrong");
    assertSays(1, "check user and password-file", "backup", "web");
    assertSays(1, "InvalidLogin", "doctor");
    Files.writeString(password, right);
    vcenter.changeCertificate();
    assertSays(1, "certificate is not the one", "backup", "web");
    define("web", "web", "");
    Path definition = folder.resolve("jobs/web.yaml");
    String pinned = Files.readString(definition);
    Files.writeString(definition, pinned.replaceAll("  certificate: .*\n", ""));
    assertSays(1, "no trusted connection", "backup", "web");
    Files.writeString(definition, pinned);
    program.succeed("backup", "web");

    assertThat(vcenter.snapshots(web)).isEmpty();
    assertThat(vcenter.servers()).isEmpty();
    assertThat(vcenter.openSessions()).isZero();
  }

  @Test
  void certificateOfAnAuthorityThatTheJdkTrustsNeedsNoPin() throws Exception {
    Vm web = machine("web", true, "", MIB);
    write(web);
    Path definition = folder.resolve("jobs/web.yaml");
    Files.writeString(
        definition, Files.readString(definition).replaceAll("  certificate: .*\n", ""));
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("authority", vcenter.authority());
    Path store = folder.resolve("trusted.p12");
    try (OutputStream file = Files.newOutputStream(store)) {
      trusted.store(file, "changeit".toCharArray());
    }
    String options =
        "-Djavax.net.ssl.trustStore=" + store + " -Djavax.net.ssl.trustStorePassword=changeit";

    assertSays(1, "no trusted connection", "backup", "web");
    new Program(folder, Map.of("BACKSTEP_JAVA_OPTS", options)).succeed("backup", "web");

    assertThat(vcenter.openSessions()).isZero();
  }

  /** Another task works on the VMs, such as a migration. */
  private void busy() {
    vcenter.control(
        "fault",
        "method",
        "CreateSnapshot_Task",
        "task",
        "true",
        "fault",
        "TaskInProgress",
        "count",
        "4");
  }

  private String newest() throws Exception {
    JsonNode backup = program.succeed("list", "--json").json().get(0);
    assertThat(backup.get("status").asString()).isEqualTo("FAILED");
    return backup.get("backup_id").asString();
  }

  private void assertSays(int status, String text, String... command) throws Exception {
    Program.Result result = program.run(command);
    assertThat(result.output() + result.errors()).contains(text);
    assertThat(result.status()).as(result.errors()).isEqualTo(status);
  }
}
