package dev.backstep.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The processor time of what decides in a server when a backup begins, by the names of its threads:
 * Quartz with its workers, which record the fires, and the rounds over the queue. None of them
 * copies anything, and all live as long as the server does.
 */
final class SchedulerThreads {

  /** Linux keeps fifteen characters of a name. */
  private static final Set<String> NAMES =
      Set.of("quartzScheduler", "QuartzScheduler", "dispatcher", "recovery");

  private SchedulerThreads() {}

  /**
   * @throws IOException also when there is no such thread
   */
  static double cpuMillis(Process server) throws IOException {
    long nanos = 0;
    for (Path thread : threads(server)) {
      nanos += nanos(thread);
    }
    if (nanos == 0) {
      throw new IOException("no thread of process " + server.pid() + " is one of " + NAMES);
    }
    return nanos / 1e6;
  }

  private static List<Path> threads(Process server) throws IOException {
    try (Stream<Path> threads = Files.list(Path.of("/proc", server.pid() + "", "task"))) {
      return threads.toList();
    }
  }

  /** Of one thread on a processor; its statistics begin with that. */
  private static long nanos(Path thread) throws IOException {
    try {
      return NAMES.contains(Files.readString(thread.resolve("comm")).strip())
          ? Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[0])
          : 0;
    } catch (NoSuchFileException e) {
      return 0; // it has ended meanwhile, so it is none of ours
    }
  }
}
