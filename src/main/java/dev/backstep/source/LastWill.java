package dev.backstep.source;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A command that is run when this process dies, in whatever way, before it takes that back. A shell
 * waits for a line on a pipe that only we hold; its end without one means that we are gone.
 */
public final class LastWill implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(LastWill.class);

  private final Process waiting;

  private LastWill(Process waiting) {
    this.waiting = waiting;
  }

  /** The caller closes it when the command is not needed any more. */
  public static LastWill of(List<String> command) throws SourceException {
    List<String> all =
        new ArrayList<>(List.of("sh", "-c", "read -r done || exec \"$@\"", "last-will"));
    all.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(ToolRunner.ownSession(all))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    try {
      return new LastWill(builder.start());
    } catch (IOException e) {
      throw ToolRunner.notStarted(all, e);
    }
  }

  /** Has its command run now, whatever becomes of this process; it is not waited for. */
  public void now() {
    try {
      waiting.getOutputStream().close();
    } catch (IOException e) {
      log.debug("{}: its command has run or will: {}", waiting.pid(), e.getMessage());
    }
  }

  /** Takes it back. */
  @Override
  public void close() {
    try (OutputStream line = waiting.getOutputStream()) {
      line.write('\n');
    } catch (IOException e) {
      log.debug("{}: its command has run or will: {}", waiting.pid(), e.getMessage());
    }
  }
}
