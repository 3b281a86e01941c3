package dev.backstep.cli;

import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import tools.jackson.databind.JsonNode;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "schedule",
    description = {
      "Looks at the schedules of a running server and acts on them. Without a verb: list.",
      "What became of earlier starts: `backstep executions missed`."
    },
    subcommands = {
      ScheduleListCommand.class,
      SchedulePauseCommand.class,
      ScheduleResumeCommand.class,
      ScheduleRunCommand.class
    },
    exitCodeList = {ExitCode.DONE, ExitCode.FAILED, ExitCode.USAGE})
final class ScheduleCommand implements Callable<Integer> {

  static final String PATH = "/api/v1/schedules";

  private final Session session;

  ScheduleCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    return list(session);
  }

  static int list(Session session) {
    try (HomeServer server = new HomeServer(session)) {
      List<JsonNode> schedules = server.all(PATH, "schedules");
      return server.print(
          schedules, schedules.isEmpty() ? "no schedules" : table(server, schedules));
    }
  }

  /**
   * Has the server do something with a VM's schedule, and prints how that is then.
   *
   * @param verb as in the path
   */
  static int change(Session session, String verb, String vm) {
    try (HomeServer server = new HomeServer(session)) {
      JsonNode schedule = server.client().post(PATH + "/" + verb, Map.of("vm_name", vm));
      return server.print(schedule, table(server, List.of(schedule)));
    }
  }

  private static String table(HomeServer server, List<JsonNode> schedules) {
    Table table = new Table("VM", "CRON", "ZONE", "NEXT START", "LAST START", "BECAME");
    for (JsonNode schedule : schedules) {
      JsonNode last = schedule.path("last_fire");
      table.add(
          BackupText.printable(schedule.path("vm_name").asString("")),
          schedule.path("cron").asString(""),
          schedule.path("zone").asString(""),
          schedule.path("paused").asBoolean()
              ? "paused"
              : server.time(schedule.path("next_fires").path(0)),
          server.time(last.path("scheduled_at")),
          last.path("backup_id").asString(last.path("outcome").asString("-")));
    }
    return table.toString();
  }
}
