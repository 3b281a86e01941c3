package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.job.external.TestDisks;
import dev.backstep.testing.Tool;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Restore points deleted over HTTP and by the command, with a server that dies in between. */
class RestorePointApiIT {

  private static final String BACKUPS = "/api/v1/backups/";

  @TempDir Path folder;

  private static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }

  private static Path image(JsonNode backup) {
    return Path.of(disks(backup).getFirst().get("image").asString());
  }

  @Test
  void restorePointGoesOnlyWhenNothingStandsOnIt() throws Exception {
    Files.createDirectory(folder.resolve("jobs"));
    TestDisks machine = new TestDisks(folder, 7, 4 << 20, 4 << 20);
    Files.writeString(
        folder.resolve("jobs/web.yaml"), machine.definition("web") + "cbt-reset: compare\n");
    JsonNode first;
    JsonNode third;
    Path inTheWay;
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      machine.live(0);
      first = server.backup("web");
      machine.live(0);
      JsonNode second = server.backup("web");
      machine.live(1);
      third = server.backup("web");
      assertThat(disks(third).getFirst().get("backing_image").asString())
          .isEqualTo(image(second).toString());

      assertProblem(server.delete(BACKUPS + id(first)), 409, id(second));
      assertProblem(server.delete(BACKUPS + id(second)), 409, id(third));
      assertProblem(server.delete(BACKUPS + "backup-nobody"), 404, "backup-nobody");
      assertProblem(
          server.delete(BACKUPS + disks(first).getFirst().get("id").asString()), 400, id(first));
      HttpResponse<String> made =
          server.post("/api/v1/tokens", "{\"name\":\"op\",\"role\":\"operator\"}");
      String operator = json(made, 201).get("token").asString();
      assertProblem(
          ServerProcess.send(
              server
                  .request(BACKUPS + id(third))
                  .setHeader("Authorization", "Bearer " + operator)
                  .DELETE()),
          403,
          "role");

      JsonNode gone = json(server.delete(BACKUPS + id(third)), 200);
      assertThat(gone.get("status").asString()).isEqualTo("DELETED");
      assertThat(image(third)).doesNotExist();
      assertThat(json(server.delete(BACKUPS + id(third)), 200)).isEqualTo(gone);
      JsonNode change = json(server.get(BACKUPS + "changeid?vm_name=web"), 200);
      assertThat(change.get("backup_id").asString())
          .isEqualTo(disks(second).getFirst().get("id").asString());
      JsonNode next = server.backup("web");
      assertThat(disks(next).getFirst().get("backing_image").asString())
          .isEqualTo(image(second).toString());
      Tool.compare(image(next), "qcow2", machine.file(0), "raw");

      // A file that cannot be deleted stands for a server that dies before it is.
      inTheWay = image(next);
      Files.delete(inTheWay);
      Files.createDirectories(inTheWay.resolve("in-the-way"));
      assertProblem(server.delete(BACKUPS + id(next)), 409, "files of it are left");
      assertThat(json(server.get(BACKUPS + id(next)), 200).get("status").asString())
          .isEqualTo("DELETING");
      server.process().destroyForcibly();
      Files.delete(inTheWay.resolve("in-the-way"));
      third = next;
    }

    assertThat(command("delete", id(third))).contains("is deleted");
    assertThat(inTheWay).doesNotExist();
    assertThat(command("show", id(third), "--json")).contains("\"DELETED\"");
    Tool.checkImage(image(first));
  }

  private String command(String... words) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(Path.of("ops", "backstep").toAbsolutePath().toString())
            .directory(folder.toFile())
            .redirectErrorStream(true);
    builder.command().addAll(List.of(words));
    builder.command().addAll(List.of("--home", folder.resolve("home").toString()));
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
