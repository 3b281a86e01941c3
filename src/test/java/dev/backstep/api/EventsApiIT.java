package dev.backstep.api;

import static dev.backstep.api.ServerProcess.assertProblem;
import static dev.backstep.api.ServerProcess.disks;
import static dev.backstep.api.ServerProcess.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.MariaDbServer;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Backups followed over HTTP while they run, on the server that runs them and on another one. */
class EventsApiIT {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String BACKUPS = "/api/v1/backups/";

  @TempDir Path folder;

  private Process slow;

  private record Event(String name, JsonNode data) {}

  @BeforeEach
  void makeMachine() throws Exception {
    Path socket = folder.resolve("slow.sock");
    slow =
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket.toString(),
                "--filter=rate",
                "pattern",
                "240M",
                "rate=320M")
            .start();
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/slow.yaml"),
        """
        vm: slow
        source:
          type: nbd
          disks:
            - { key: a, uri: "nbd+unix:///?socket=%s" }
        repository: %s
        """
            .formatted(socket, folder.resolve("repository")));
  }

  @AfterEach
  void endMachine() {
    slow.destroy();
  }

  private static HttpRequest stream(ServerProcess server, String backup) {
    return server
        .request(BACKUPS + backup + "/events")
        .setHeader("Accept", "text/event-stream")
        .build();
  }

  private static CompletableFuture<List<Event>> follow(ServerProcess server, String backup) {
    return ServerProcess.client()
        .sendAsync(stream(server, backup), HttpResponse.BodyHandlers.ofLines())
        .thenApply(response -> {
          assertThat(response.statusCode()).isEqualTo(200);
          assertThat(response.headers().firstValue("Content-Type").orElse(""))
              .startsWith("text/event-stream");
          return events(response.body());
        });
  }

  private static List<Event> events(Stream<String> lines) {
    List<Event> events = new ArrayList<>();
    String[] name = {""};
    lines.forEach(line -> {
      if (line.startsWith("event:")) {
        name[0] = line.substring("event:".length()).strip();
      } else if (line.startsWith("data:")) {
        events.add(new Event(name[0], JSON.readTree(line.substring("data:".length()))));
      }
    });
    return events;
  }

  private static void isWholeStory(List<Event> events) {
    Event last = events.getLast();
    assertThat(last.name()).isEqualTo("end");
    assertThat(last.data().get("status").asString()).isEqualTo("COMPLETED");
    assertThat(disks(last.data()).getFirst().get("image").asString()).endsWith(".qcow2");
    assertThat(events.subList(0, events.size() - 1)).allMatch(e -> e.name().equals("progress"));
    long before = 0;
    boolean half = false;
    boolean rated = false;
    for (Event event : events.subList(0, events.size() - 1)) {
      for (JsonNode disk : disks(event.data())) {
        long done = disk.get("bytes_done").asLong();
        long total = disk.get("bytes_total").asLong();
        assertThat(done).isBetween(before, total);
        before = done;
        half |= done > 0 && done < total;
        rated |= disk.get("rate").asLong(0) > 1_000_000;
      }
    }
    assertThat(half).as("%s", events).isTrue();
    assertThat(rated).as("%s", events).isTrue();
    JsonNode end = disks(events.get(events.size() - 2).data()).getFirst();
    assertThat(end.get("status").asString()).isEqualTo("COMPLETED");
    assertThat(end.get("bytes_done").asLong()).isEqualTo(240 << 20);
    assertThat(end.get("rate").isNull()).isTrue();
  }

  @Test
  void tellsHowFarABackupIsOnAnyServerOfADatabase() throws Exception {
    Map<String, String> database = MariaDbServer.shared().newDatabase();
    try (ServerProcess one = ServerProcess.start(folder, "one", database);
        ServerProcess two = ServerProcess.start(folder, "two", database)) {
      String id = one.begin("slow");
      CompletableFuture<List<Event>> here = follow(one, id);
      CompletableFuture<List<Event>> there = follow(two, id);

      isWholeStory(here.get(60, TimeUnit.SECONDS));
      isWholeStory(there.get(60, TimeUnit.SECONDS));
      List<Event> late = follow(two, id).get(10, TimeUnit.SECONDS);
      assertThat(late).extracting(Event::name).containsExactly("progress", "end");
    }
  }

  @Test
  void streamsAreLimitedAndCostNothingOnceTheClientHasGone() throws Exception {
    Files.createDirectories(folder.resolve("home"));
    Files.writeString(
        folder.resolve("home/backstep.yaml"),
        "backstep.server: { event-streams: 4, event-interval: 200ms, event-heartbeat: 500ms }\n");
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      String id =
          json(server.post("/api/v1/backups", "{\"vm_name\":\"slow\",\"mover\":\"external\"}"), 202)
              .get("backup_id")
              .asString();
      InputStream first = open(server, id);
      InputStream second = open(server, id);

      assertProblem(refused(server, id), 429, "event-streams");
      assertThat(refused(server, id).headers().firstValue("Retry-After")).isPresent();
      assertThat(read(first)).contains("event:progress", "\"RUNNING\"", ":still here");
      String viewer =
          json(server.post("/api/v1/tokens", "{\"name\":\"v\",\"role\":\"viewer\"}"), 201)
              .get("token")
              .asString();
      HttpRequest other =
          server
              .request(BACKUPS + id + "/events")
              .setHeader("Authorization", "Bearer " + viewer)
              .build();
      HttpResponse<InputStream> ofViewer =
          ServerProcess.client().send(other, HttpResponse.BodyHandlers.ofInputStream());
      assertThat(ofViewer.statusCode()).isEqualTo(200);

      first.close();
      InputStream third = openWhenThereIsRoom(server, id);
      assertThat(read(third)).contains("event:progress");

      server.post(BACKUPS + id + "/stop", "");
      assertThat(new String(second.readAllBytes())).contains("event:end", "ABANDONED");
      assertThat(new String(ofViewer.body().readAllBytes())).contains("event:end");
    }
  }

  @Test
  void unknownBackupsAndCallersAreProblemsAndTheEndOfTheServerEndsStreams() throws Exception {
    ServerProcess server = ServerProcess.start(folder, "home", Map.of());
    assertProblem(refused(server, "backup-nobody"), 404, "backup-nobody");
    HttpRequest.Builder unknown =
        server.request(BACKUPS + "backup-nobody/events").setHeader("Authorization", "Bearer x");
    assertProblem(ServerProcess.send(unknown), 401, "token");
    String id = server.begin("slow");
    CompletableFuture<List<Event>> followed = follow(server, id);
    Thread.sleep(1500);

    long began = System.nanoTime();
    server.close();

    assertThat(System.nanoTime() - began).isLessThan(TimeUnit.SECONDS.toNanos(20));
    assertThat(followed.get(10, TimeUnit.SECONDS)).isNotEmpty();
  }

  private static HttpResponse<String> refused(ServerProcess server, String id) {
    return ServerProcess.send(
        server.request(BACKUPS + id + "/events").setHeader("Accept", "text/event-stream"));
  }

  private static InputStream open(ServerProcess server, String id) throws Exception {
    HttpResponse<InputStream> response =
        ServerProcess.client().send(stream(server, id), HttpResponse.BodyHandlers.ofInputStream());
    assertThat(response.statusCode()).isEqualTo(200);
    return response.body();
  }

  private static InputStream openWhenThereIsRoom(ServerProcess server, String id) throws Exception {
    for (int i = 0; i < 100; i++) {
      HttpResponse<InputStream> response =
          ServerProcess.client()
              .send(stream(server, id), HttpResponse.BodyHandlers.ofInputStream());
      if (response.statusCode() == 200) {
        return response.body();
      }
      response.body().close();
      Thread.sleep(100);
    }
    throw new AssertionError("the stream of a client that went away stays open");
  }

  /** What comes within two seconds. */
  private static String read(InputStream stream) throws Exception {
    StringBuilder text = new StringBuilder();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
    while (System.nanoTime() < end) {
      byte[] some = new byte[4096];
      int count = stream.read(some);
      text.append(new String(some, 0, Math.max(0, count)));
    }
    return text.toString();
  }
}
