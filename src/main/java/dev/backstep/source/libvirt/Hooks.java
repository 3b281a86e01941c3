package dev.backstep.source.libvirt;

import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An operator's commands around the instant of a snapshot, such as for a database or for storage.
 *
 * @param before shell command; when it fails there is no snapshot
 * @param after shell command; runs in every case once {@code before} was started
 * @param limit how long each may take
 */
record Hooks(Optional<String> before, Optional<String> after, Duration limit) {

  private static final Logger log = LoggerFactory.getLogger(Hooks.class);

  /** Between the two commands. */
  interface Held extends AutoCloseable {
    @Override
    void close();
  }

  Held hold(Domain domain) throws SourceException {
    Held held = () -> runAfter(domain);
    if (before.isPresent()) {
      try {
        run(before.get(), domain);
      } catch (SourceException e) {
        held.close();
        throw e;
      }
    }
    return held;
  }

  private void runAfter(Domain domain) {
    if (after.isEmpty()) {
      return;
    }
    try {
      run(after.get(), domain);
    } catch (SourceException e) {
      log.error("{}: after the snapshot: {}", domain.name(), e.getMessage());
    }
  }

  /** The command finds the domain's name and UUID as $1 and $2. */
  private void run(String command, Domain domain) throws SourceException {
    ToolRunner.Result result;
    try {
      result =
          ToolRunner.run(limit, List.of("sh", "-c", command, "sh", domain.name(), domain.uuid()));
    } catch (SourceException e) {
      throw new SourceException(
          e.kind(),
          "hook `"
              + command
              + "`: "
              + e.getMessage()
              + "; if it needs more time, raise "
              + LibvirtSettings.HOOK_LIMIT,
          e);
    }
    if (result.failed()) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "hook `" + command + "` ended with " + result.status() + ": " + result.errors());
    }
  }
}
