package dev.backstep.job.definition;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Makes paths of a definition absolute.
 *
 * @param folder where relative ones start, absolute; null when only absolute ones are accepted
 */
record Paths(@Nullable Path folder) {

  private static final int LENGTH_MAX = 4096;

  /** The normal form of an absolute path; reports anything else. */
  Optional<String> absolute(Text text) {
    return text.line(LENGTH_MAX).flatMap(line -> resolve(text, line));
  }

  private Optional<String> resolve(Text text, String line) {
    try {
      Path path = Path.of(line);
      if (path.isAbsolute() || folder != null) {
        return Optional.of((folder == null ? path : folder.resolve(path)).normalize().toString());
      }
      text.problem("an absolute path; this definition has no folder to start from");
    } catch (InvalidPathException e) {
      text.problem("a path: " + e.getReason());
    }
    return Optional.empty();
  }
}
