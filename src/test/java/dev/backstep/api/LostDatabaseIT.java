package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A server whose MariaDB dies under a running backup and comes back. */
class LostDatabaseIT {

  @TempDir Path folder;

  private Process disk;
  private Process truth;
  private MariaDbServer database;
  private ServerProcess server;

  @BeforeEach
  void serve() throws Exception {
    Path socket = folder.resolve("slow.sock");
    disk =
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket + "",
                "--filter=rate",
                "random",
                "60M",
                "seed=8",
                "rate=80M")
            .start();
    truth =
        new ProcessBuilder(
                "nbdkit", "-f", "-U", folder.resolve("quick.sock") + "", "random", "60M", "seed=8")
            .start();
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        """
        vm: vm
        source: { type: nbd, disks: [ { key: a, uri: "nbd+unix:///?socket=%s" } ] }
        repository: %s
        """
            .formatted(socket, folder.resolve("repository")));
    database = MariaDbServer.startAt(MariaDbServer.freePort());
    server =
        ServerProcess.start(
            folder,
            "home",
            Map.of(
                "BACKSTEP_DB_URL",
                "jdbc:mariadb://127.0.0.1:" + database.port() + "/b?createDatabaseIfNotExist=true",
                "BACKSTEP_DB_USER",
                "root",
                "BACKSTEP_LEASE_TTL",
                "5s"));
  }

  @AfterEach
  void stop() throws Exception {
    server.process().destroy();
    assertThat(server.process().waitFor(100, TimeUnit.SECONDS)).isTrue();
    disk.destroy();
    truth.destroy();
  }

  @Test
  void backupIsWholeInTheEnd() throws Exception {
    String id = server.begin("vm");
    awaitBytes();

    database.kill();
    List<CompletableFuture<HttpResponse<String>>> asked =
        List.of(
            send(server.request("/api/v1/backups/" + id)),
            send(server.request("/api/v1/backups/" + id + "/stop").POST(BodyPublishers.noBody())));
    Thread.sleep(8000); // longer than a lease
    awaitHealth(503);
    assertThat(status("/health/live")).isEqualTo(200);
    for (CompletableFuture<HttpResponse<String>> answer : asked) {
      assertProblem(answer.join(), 503, "the database does not answer");
    }
    database.startAgain();

    JsonNode backup = awaitCompleted(id);
    Path image = Path.of(disks(backup).getFirst().get("image").asString());
    Tool.checkImage(image);
    Tool.compareWithExport(image, folder.resolve("quick.sock"));
    awaitHealth(200);
  }

  /** A server waits for its database for a while before it answers that it is away. */
  private static CompletableFuture<HttpResponse<String>> send(HttpRequest.Builder request) {
    return ServerProcess.client().sendAsync(request.build(), BodyHandlers.ofString());
  }

  private void awaitBytes() throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    long bytes = 0;
    while (bytes < 8 << 20) {
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(20);
      if (Files.isDirectory(folder.resolve("repository"))) {
        try (var files = Files.walk(folder.resolve("repository"))) {
          bytes =
              files
                  .filter(file -> file.toString().endsWith(".partial"))
                  .mapToLong(file -> file.toFile().length())
                  .sum();
        } catch (UncheckedIOException e) {
          bytes = 0; // a file went away meanwhile; it is looked at again
        }
      }
    }
  }

  private JsonNode awaitCompleted(String id) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(150);
    JsonNode backup = null;
    while (System.nanoTime() < end) {
      var response = server.get("/api/v1/backups/" + id);
      if (response.statusCode() == 200) {
        backup = json(response, 200);
        if (backup.get("status").asString().equals("COMPLETED")) {
          return backup;
        }
      }
      Thread.sleep(500);
    }
    throw new AssertionError("not completed: " + backup);
  }

  private void awaitHealth(int status) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (status("/health") != status) {
      assertThat(System.nanoTime()).as("health %s", status).isLessThan(end);
      Thread.sleep(200);
    }
  }

  private int status(String path) {
    return ServerProcess.send(HttpRequest.newBuilder(URI.create(server.url() + path))).statusCode();
  }
}
