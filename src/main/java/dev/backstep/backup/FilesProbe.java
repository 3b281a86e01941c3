package dev.backstep.backup;

import dev.backstep.domain.RunSettings;
import dev.backstep.source.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A command that is run where the files of a restore point are mounted, for reading only. Its exit
 * code is the verdict, its output the detail. For one thread; the caller closes it.
 */
public final class FilesProbe implements RestoreProbe {

  private final RunSettings settings;
  private final GuestFiles files;
  private final Path folder;
  private final ChildProcess command;
  private final Console output = new Console();
  private final long startedAt = System.nanoTime();

  private FilesProbe(RunSettings settings, GuestFiles files, Path mounted, Path runFolder)
      throws IOException {
    this.settings = settings;
    this.files = files;
    this.folder = Files.createTempDirectory(runFolder, "run-");
    // The shell's own words, so that what the operator wrote stays one argument.
    this.command =
        ChildProcess.start(
            runFolder,
            folder,
            List.of(
                "sh",
                "-c",
                "cd \"$1\" && exec 2>&1 && eval \"$2\"",
                "sh",
                mounted.toString(),
                settings.command()),
            output::append);
  }

  /**
   * Mounts and starts the command.
   *
   * @param runFolder where records of processes are kept
   * @param log is told of connections to the disks that end with an error
   */
  public static FilesProbe start(
      List<ServedPoint.Disk> disks, RunSettings settings, Path runFolder, Consumer<String> log)
      throws IOException {
    GuestFiles files = GuestFiles.open(disks, log);
    try {
      Map<String, String> mounts = files.mount(settings.fileSystem());
      if (mounts.isEmpty()) {
        throw new IOException("nothing could be mounted");
      }
      return new FilesProbe(settings, files, files.show(), runFolder);
    } catch (IllegalArgumentException e) {
      files.close();
      throw new IOException(e.getMessage(), e);
    } catch (IOException | RuntimeException e) {
      files.close();
      throw e;
    }
  }

  @Override
  public Optional<Verdict> look() {
    if (command.isAlive()) {
      boolean late = System.nanoTime() - startedAt > settings.limit().toNanos();
      return late
          ? Optional.of(
              new Verdict(
                  false,
                  "the command did not end within " + settings.limit().toSeconds() + " s" + said()))
          : Optional.empty();
    }
    int status = command.status();
    return Optional.of(new Verdict(status == 0, "the command ended with " + status + said()));
  }

  private String said() {
    String last = output.lastLines();
    return last.isEmpty() ? "" : "; it said last:\n" + last;
  }

  @Override
  public void close() throws IOException {
    command.kill();
    files.close();
  }
}
