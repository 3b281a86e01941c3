package dev.backstep.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

@Effect(Effect.Kind.SERVER)
@Command(
    name = "run",
    description = "Puts a backup in the queue now, as the schedule would, in or out of its window.",
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class ScheduleRunCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "VM", description = "The VM's name.")
  private String vm = "";

  ScheduleRunCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    try (HomeServer server = new HomeServer(session)) {
      JsonNode backup = server.client().post(ScheduleCommand.PATH + "/run", Map.of("vm_name", vm));
      return server.print(backup, backup.path("backup_id").asString("") + " waits for its turn");
    }
  }
}
