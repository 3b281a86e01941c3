package dev.backstep.cli;

import dev.backstep.backup.GuestFiles;
import dev.backstep.backup.GuestFiles.Entry;
import dev.backstep.backup.GuestFiles.FileSystem;
import dev.backstep.backup.ServedPoint;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.repository.RestorePoint;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Effect(Effect.Kind.NONE)
@Command(
    name = "files",
    description = {
      "Lists and fetches files and folders of a restore point, without restoring its disks.",
      "Without a path: its file systems. Needs libguestfs (Debian package libguestfs-tools)."
    },
    exitCodeList = {
      ExitCode.DONE,
      ExitCode.FAILED,
      ExitCode.USAGE,
      ExitCode.NOT_FOUND,
      ExitCode.BUSY
    })
final class FilesCommand implements Callable<Integer> {

  private final Session session;

  @Parameters(
      index = "0",
      paramLabel = "ID",
      description = "A backup's id, or one of its disk backups'.")
  private String id = "";

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PATH",
      description = "The folder to list, or a file, as the machine sees it.")
  private @Nullable String path;

  @Option(
      names = "--get",
      paramLabel = "PATH",
      description = "Fetches this file, or this folder with all that is in it. May be repeated.")
  private List<String> get = new ArrayList<>();

  @Option(
      names = "--to",
      paramLabel = "DIR",
      description = "Where what is fetched goes; made when absent. Nothing is overwritten.")
  private @Nullable Path to;

  @Option(
      names = "--disk",
      paramLabel = "N",
      description = "Looks at the disk of this number only.")
  private @Nullable Integer disk;

  @Option(
      names = "--filesystem",
      paramLabel = "DEVICE",
      description = {
        "Paths are those of this file system: /dev/sda1, /dev/vg/root. Default: of the one",
        "operating system that is there, with all that it mounts, or of the only file system."
      })
  private @Nullable String fileSystem;

  @Option(
      names = "--repository",
      paramLabel = "DIR",
      description = "Reads this repository by its own files alone, without a database.")
  private @Nullable Path repository;

  FilesCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    if (get.isEmpty() != (to == null) || !get.isEmpty() && path != null) {
      throw OperatorException.usage(
          "either a PATH to list, or --get PATH with --to DIR, or neither of them", null);
    }
    for (String one : path == null ? get : List.of(path)) {
      if (!one.startsWith("/")) {
        throw OperatorException.usage(one + ": expected a path that begins with /", null);
      }
    }
    ChosenPoint chosen = ChosenPoint.find(session, id, repository, disk);
    List<ServedPoint.Disk> disks = new ArrayList<>();
    for (RestorePoint.Disk one : chosen.point().disks()) {
      if (chosen.has(one)) {
        disks.add(new ServedPoint.Disk(one.diskId(), chosen.image(one), one.virtualSize()));
      }
    }
    try (GuestFiles files = GuestFiles.open(disks, line -> {})) {
      if (path == null && get.isEmpty()) {
        fileSystems(chosen, files);
      } else if (path != null) {
        files.mount(Optional.ofNullable(fileSystem));
        entries(files.list(path));
      } else {
        files.mount(Optional.ofNullable(fileSystem));
        fetch(files);
      }
      return 0;
    } catch (IllegalArgumentException e) {
      throw OperatorException.usage(String.valueOf(e.getMessage()), e);
    } catch (FileNotFoundException e) {
      throw OperatorException.notFound(String.valueOf(e.getMessage()));
    } catch (FileAlreadyExistsException e) {
      throw OperatorException.failed(e.getFile() + ": " + e.getReason(), e);
    }
  }

  private void fileSystems(ChosenPoint chosen, GuestFiles files) throws IOException {
    List<FileSystem> all = files.fileSystems();
    if (session.options().json()) {
      List<Map<String, Object>> rows = new ArrayList<>();
      for (FileSystem one : all) {
        rows.add(Map.of("device", one.device(), "type", one.type()));
      }
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("backup_id", chosen.point().backupId());
      fields.put("file_systems", rows);
      session.terminal().result(BackupDocument.text(fields));
      return;
    }
    Table table = new Table("FILE SYSTEM", "TYPE");
    all.forEach(one -> table.add(BackupText.printable(one.device()), one.type()));
    session.terminal().result(all.isEmpty() ? "no file systems" : table.toString());
  }

  private void entries(List<Entry> entries) {
    if (session.options().json()) {
      session
          .terminal()
          .result(BackupDocument.text(entries.stream().map(FilesCommand::fields).toList()));
      return;
    }
    BackupText text = new BackupText(session.clock().getZone());
    Table table = new Table("MODE", "OWNER", "SIZE", "MODIFIED", "NAME");
    for (Entry entry : entries) {
      table.add(
          (entry.isFolder() ? "d" : entry.isLink() ? "l" : "-") + permissions(entry),
          entry.uid() + ":" + entry.gid(),
          Sizes.bytes(entry.sizeBytes()),
          text.time(entry.modifiedAt()),
          BackupText.printable(entry.name() + entry.target().map(at -> " -> " + at).orElse("")));
    }
    session.terminal().result(entries.isEmpty() ? "nothing in it" : table.toString());
  }

  private static String permissions(Entry entry) {
    return String.format(Locale.ROOT, "%04o", entry.mode() & 07777);
  }

  private static Map<String, @Nullable Object> fields(Entry entry) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("name", entry.name());
    fields.put("type", entry.isFolder() ? "folder" : entry.isLink() ? "link" : "file");
    fields.put("permissions", permissions(entry));
    fields.put("uid", entry.uid());
    fields.put("gid", entry.gid());
    fields.put("size", entry.sizeBytes());
    fields.put("modified_at", BackupDocument.time(entry.modifiedAt()));
    fields.put("target", entry.target().orElse(null));
    return fields;
  }

  private void fetch(GuestFiles files) throws IOException {
    Path folder = Objects.requireNonNull(to).toAbsolutePath().normalize();
    Files.createDirectories(folder);
    List<String> made = new ArrayList<>();
    for (String one : get) {
      made.add(files.get(one, folder).toString());
    }
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(Map.of("files", made))
                : String.join(System.lineSeparator(), made));
  }
}
