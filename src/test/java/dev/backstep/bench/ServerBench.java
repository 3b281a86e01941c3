package dev.backstep.bench;

import static dev.backstep.api.ServerProcess.json;

import dev.backstep.api.ServerProcess;
import dev.backstep.catalog.MariaDbServer;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * What a server takes for its own work, in a process of its own on MariaDB and on H2. Arguments:
 * work folder, how many VMs fire in one second, how often the unchanged VM is backed up.
 */
public final class ServerBench {

  private static final double FIRE_GOAL_MILLIS = 10;
  private static final double UNCHANGED_GOAL_SECONDS = 1;
  private static final double PAGE_GOAL_MILLIS = 300;
  private static final int PAGES = 100;
  private static final int LIMIT = 2;

  private ServerBench() {}

  public static void main(String[] args) throws Exception {
    Path folder = Files.createDirectories(Path.of(args[0]).resolve("server"));
    int vms = Integer.parseInt(args[1]);
    int rounds = Integer.parseInt(args[2]);
    for (String database : List.of("MariaDB", "H2")) {
      fires(Files.createDirectories(folder.resolve("fires-" + database)), database, vms);
      unchanged(Files.createDirectories(folder.resolve("unchanged-" + database)), database, rounds);
    }
    System.exit(0);
  }

  /** With the JVM's options as users have them. */
  private static Map<String, String> environment(String database) {
    Map<String, String> environment =
        new HashMap<>(database.equals("H2") ? Map.of() : MariaDbServer.shared().newDatabase());
    environment.put("BACKSTEP_JAVA_OPTS", "");
    return environment;
  }

  /** All VMs fire in the same second, while few backups may run at once. */
  private static void fires(Path folder, String database, int vms) throws Exception {
    Path jobs = Files.createDirectories(folder.resolve("jobs"));
    Instant due =
        Instant.now().plus(Duration.ofSeconds(60 + vms / 50)).truncatedTo(ChronoUnit.SECONDS);
    OffsetDateTime at = due.atOffset(ZoneOffset.UTC);
    for (int vm = 0; vm < vms; vm++) {
      Path disk = folder.resolve("disk" + vm + ".raw");
      Tool.run("truncate", "-s", "1M", disk);
      Files.writeString(
          jobs.resolve("vm" + vm + ".yaml"),
          """
          vm: vm%d
          source: { type: image, disks: [ { key: a, format: raw, path: %s } ] }
          repository: %s
          schedule: { cron: "%d %d %d %d %d ? %d", zone: UTC }
          """
              .formatted(
                  vm,
                  disk,
                  folder.resolve("repository"),
                  at.getSecond(),
                  at.getMinute(),
                  at.getHour(),
                  at.getDayOfMonth(),
                  at.getMonthValue(),
                  at.getYear()));
    }
    Map<String, String> environment = environment(database);
    environment.put("BACKSTEP_SERVER_MAXBACKUPS", String.valueOf(LIMIT));
    try (ServerProcess server = ServerProcess.start(folder, "home", environment)) {
      while (json(server.get("/api/v1/schedules?next=0&limit=1000"), 200).get("schedules").size()
          < Math.min(vms, 1000)) {
        Thread.sleep(100);
      }
      if (Instant.now().isAfter(due.minusSeconds(2))) {
        throw new IllegalStateException("the definitions were read too late; allow more time");
      }
      Thread.sleep(Duration.between(Instant.now(), due.minusMillis(300)));
      double before = SchedulerThreads.cpuMillis(server.process());
      int running = 0;
      long done = 0;
      while (recorded(server, vms) < vms) {
        running = Math.max(running, running(server));
        Thread.sleep(250); // each question costs the server something, too
      }
      double recordedAfter = Duration.between(due, Instant.now()).toMillis() / 1000.0;
      double recording = (SchedulerThreads.cpuMillis(server.process()) - before) / vms;
      while (done < vms) {
        running = Math.max(running, running(server));
        done = completed(server);
        Thread.sleep(200);
      }
      double cpuMillis = (SchedulerThreads.cpuMillis(server.process()) - before) / vms;
      row(
          "%s: %d VMs fire in one second, at most %d backups at once",
          List.of(database, vms, LIMIT),
          String.format(
              Locale.ROOT,
              "%.1f ms of the scheduler's threads' processor time a fire until it was recorded,"
                  + " %.1f ms until all were backed up; all recorded %.1f s after they were due; %d"
                  + " completed, none lost; at most %d ran at once",
              recording,
              cpuMillis,
              recordedAfter,
              done,
              running),
          "%.0f ms, none lost, limit kept".formatted(FIRE_GOAL_MILLIS),
          cpuMillis < FIRE_GOAL_MILLIS && done == vms && running <= LIMIT);
      schedules(server, database, vms);
    }
  }

  /** Each page with what Quartz says of its VMs. */
  private static void schedules(ServerProcess server, String database, int vms) {
    double[] millis = new double[PAGES];
    String after = "";
    for (int page = 0; page < PAGES; page++) {
      long begin = System.nanoTime();
      JsonNode answer = json(server.get("/api/v1/schedules?limit=100" + after), 200);
      millis[page] = (System.nanoTime() - begin) / 1e6;
      after = answer.get("next").isNull() ? "" : after(answer);
    }
    Arrays.sort(millis);
    double p95 = millis[(int) Math.ceil(PAGES * 0.95) - 1];
    row(
        "%s: page of at most 100 of %d schedules over HTTP, %d times",
        List.of(database, vms, PAGES),
        String.format(Locale.ROOT, "%.0f ms, 95th percentile %.0f ms", millis[PAGES / 2], p95),
        "%.0f ms".formatted(PAGE_GOAL_MILLIS),
        p95 < PAGE_GOAL_MILLIS);
  }

  private static String after(JsonNode page) {
    return "&after=" + URLEncoder.encode(page.get("next").asString(), StandardCharsets.UTF_8);
  }

  private static int recorded(ServerProcess server, int vms) {
    int count = 0;
    String after = "";
    while (true) {
      JsonNode page = json(server.get("/api/v1/schedules/fires?limit=1000" + after), 200);
      for (JsonNode fire : page.get("fires")) {
        count += fire.get("outcome").asString().equals("QUEUED") ? 1 : 0;
      }
      if (page.get("next").isNull() || count >= vms) {
        return count;
      }
      after = after(page);
    }
  }

  private static int running(ServerProcess server) {
    return json(server.get("/api/v1/executions/running"), 200).get("running").size();
  }

  private static long completed(ServerProcess server) {
    return server
        .get("/metrics")
        .body()
        .lines()
        .filter(line ->
            line.startsWith("backstep_backups_total{") && line.contains("result=\"completed\""))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** From the request to the sealed restore point, asked for over HTTP. */
  private static void unchanged(Path folder, String database, int rounds) throws Exception {
    StringBuilder disks = new StringBuilder();
    for (int disk = 0; disk < 4; disk++) {
      Path image = folder.resolve("disk" + disk + ".qcow2");
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "4G");
      Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 5 0 256M", image);
      disks.append("    - { key: d").append(disk).append(", path: ").append(image).append(" }\n");
    }
    Files.createDirectories(folder.resolve("jobs"));
    Files.writeString(
        folder.resolve("jobs/vm.yaml"),
        "vm: vm\nsource:\n  type: image\n  disks:\n"
            + disks
            + "repository: "
            + folder.resolve("repository")
            + "\nchain-limit: 1000\n");
    try (ServerProcess server = ServerProcess.start(folder, "home", environment(database))) {
      completed(server.backup("vm"));
      double[] seconds = new double[rounds];
      for (int round = -5; round < rounds; round++) {
        long begin = System.nanoTime();
        String id = server.begin("vm");
        while (List.of("QUEUED", "RUNNING")
            .contains(json(server.get("/api/v1/backups/" + id), 200).get("status").asString())) {
          Thread.sleep(20); // each question costs the server something, too
        }
        if (round >= 0) {
          seconds[round] = (System.nanoTime() - begin) / 1e9;
        }
        completed(server.awaitEnd(id));
      }
      Arrays.sort(seconds);
      row(
          "%s: backup of an unchanged VM of four disks, request to restore point, %d times",
          List.of(database, rounds),
          String.format(
              Locale.ROOT, "%.2f s, at most %.2f s", seconds[rounds / 2], seconds[rounds - 1]),
          "1 s",
          seconds[rounds - 1] < UNCHANGED_GOAL_SECONDS);
    }
  }

  private static void completed(JsonNode backup) throws IOException {
    if (!backup.get("status").asString().equals("COMPLETED")) {
      throw new IOException("not completed: " + backup);
    }
  }

  private static void row(
      String what, List<Object> values, String measured, String goal, boolean met) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %s | %s |%n",
        what.formatted(values.toArray()),
        measured,
        goal,
        met ? "met" : "missed");
  }
}
