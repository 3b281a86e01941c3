package dev.backstep.cli;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupRow;
import dev.backstep.job.OperatorException;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.RestoreTargets;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.CHANGE)
@Command(
    name = "restore",
    description = {
      "Writes the disks of a completed backup to files, block devices or NBD exports.",
      "As new files disk-<n>.<format> into a folder, or over what is there."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY,
      ExitCode.STOPPED
    })
final class RestoreCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(paramLabel = "ID", description = "A backup's id, or one of its disk backups'.")
  private String id = "";

  @ArgGroup(multiplicity = "1")
  private Where where = new Where();

  @Option(names = "--disk", paramLabel = "N", description = "Only the disk of this number.")
  private @Nullable Integer disk;

  @Option(names = "--format", paramLabel = "raw|qcow2", description = "Default: ${DEFAULT-VALUE}.")
  private String format = "raw";

  @Option(
      names = "--differential",
      description = "With --onto: reads the target, and writes only what differs.")
  private boolean differential;

  @Option(
      names = "--holds",
      paramLabel = "BACKUP",
      description = {
        "With --onto: the target holds this restore point, unchanged since it was restored there.",
        "Only what differs between the two is read and written; a sample of the rest is checked."
      })
  private @Nullable String held;

  @Option(
      names = "--repository",
      paramLabel = "DIR",
      description = {
        "With --to: restores from this repository by its own files alone, in this process:",
        "no database is asked, as after it was lost."
      })
  private @Nullable Path repository;

  @Option(
      names = "--define",
      paramLabel = "NAME",
      description = {
        "With --to: makes a domain of libvirt from the restored disks, and does not start it.",
        "Its old name puts it in its old place, another one makes a new domain."
      })
  private @Nullable String define;

  @Option(
      names = "--define-uri",
      paramLabel = "URI",
      description = "The daemon that gets the domain. Default: ${DEFAULT-VALUE}.")
  private String defineUri = "qemu:///system";

  @Option(
      names = "--create-in",
      paramLabel = "PATH",
      description = {
        "With --onto-vm: the VM is gone, and is made anew first, without network adapters.",
        "PATH is that of a cluster, host or resource pool in the inventory."
      })
  private @Nullable String place;

  @Option(
      names = "--datastore",
      paramLabel = "NAME",
      description = "Where the files of a VM that is made anew lie. Default: where they were.")
  private @Nullable String datastore;

  /** One of them. */
  static final class Where {

    @Option(
        names = "--to",
        paramLabel = "DIR",
        required = true,
        description = "Where new files go; made when absent. Files there are never overwritten.")
    private @Nullable Path folder;

    @Option(
        names = "--onto",
        paramLabel = "[N=]TARGET",
        required = true,
        description = {
          "Writes disk N over a raw file, a block device or an NBD export (nbd:, nbd+unix:).",
          "Once for each disk to be restored; N= may be left out where there is only one."
        })
    private List<String> onto = new ArrayList<>();

    @Option(
        names = "--onto-vm",
        paramLabel = "FILE|VM",
        required = true,
        description = {
          "Writes the disks over those of the VM at a vCenter that this job definition names,",
          "each over the disk with its key and size. The VM is off and has no snapshots."
        })
    private @Nullable String machine;
  }

  RestoreCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    RestoreTarget made = format(format);
    Path folder = where.folder;
    if (folder != null && (differential || held != null)) {
      throw OperatorException.usage(
          "--differential and --holds are about targets that are there; say --onto or --onto-vm",
          null);
    }
    if ((place != null && (where.machine == null || disk != null || differential || held != null))
        || (datastore != null && place == null)) {
      throw OperatorException.usage(
          "--create-in goes with --onto-vm, and with all disks as a whole; --datastore with"
              + " --create-in",
          null);
    }
    if (define != null && (folder == null || disk != null || repository != null)) {
      throw OperatorException.usage(
          "--define goes with --to, and with all disks; --repository and --disk do not go with it",
          null);
    }
    if (repository != null) {
      if (folder == null) {
        throw OperatorException.usage("--repository goes with --to", null);
      }
      ChosenPoint chosen = ChosenPoint.find(session, id, repository, disk);
      new DirectRestore(session, chosen).run(folder, made);
      return 0;
    }
    Engine engine = session.jobs();
    BackupRow backup = ShowCommand.find(engine, id);
    TreeSet<Integer> disks = RestoreTargets.disks(backup, id, Optional.ofNullable(disk));
    if (where.machine != null) {
      // Before the VM is touched: its next backup would be full for nothing.
      RestoreTargets.requireHeld(
          differential,
          Optional.ofNullable(held).map(point -> ShowCommand.find(engine, point)),
          disks);
      MachineRestore machine = new MachineRestore(session, engine, where.machine);
      if (place != null) {
        machine.make(backup, disks, place, Optional.ofNullable(datastore));
      }
      return machine.begin(
          backup, disks, (vm, targets) -> request(backup, targets, Optional.of(vm)));
    }
    Map<Integer, DiskTarget> targets =
        folder != null
            ? RestoreTargets.made(disks, folder, made)
            : RestoreTargets.onto(disks, where.onto);
    Optional<DefinedDomain> domain =
        define == null || folder == null
            ? Optional.empty()
            : Optional.of(DefinedDomain.of(backup, defineUri, define, folder, made));
    int code =
        new TaskWatch(session, engine)
            .follow(engine.restore(request(backup, targets, Optional.empty())));
    if (code == 0 && domain.isPresent()) {
      domain.get().define();
      session.terminal().error("domain " + define + " is defined at " + defineUri);
    }
    return code;
  }

  private RestoreRequest request(
      BackupRow backup, Map<Integer, DiskTarget> targets, Optional<String> machine) {
    return new RestoreRequest(
        backup.id().value(), targets, differential, Optional.ofNullable(held), machine);
  }

  private static RestoreTarget format(String word) {
    try {
      return RestoreTarget.valueOf(word.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage("--format is '" + word + "'; expected one of: raw, qcow2", e);
    }
  }
}
