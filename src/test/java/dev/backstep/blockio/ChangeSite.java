package dev.backstep.blockio;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where a file is changed.
 *
 * @param call what is done
 * @param what to which kind of file
 * @param where who asks for it
 */
public record ChangeSite(String call, String what, String where) {

  /** The one that asks now, on this thread. */
  static ChangeSite now(String call, Path file) {
    String name = file.toString();
    String what =
        Files.isDirectory(file)
            ? "folder"
            : name.replaceFirst(
                    "^.*/[^/]*?((\\.qcow2|\\.raw|\\.sums|\\.json)?(\\.[0-9a-f-]{36})?(\\.partial|\\.probe)?)$",
                    "*$1")
                .replaceFirst("\\.[0-9a-f-]{36}", "");
    String where =
        StackWalker.getInstance()
            .walk(frames ->
                frames
                    .filter(frame ->
                        frame.getClassName().startsWith("dev.backstep.")
                            && !frame.getClassName().startsWith("dev.backstep.blockio."))
                    .limit(2)
                    .map(frame ->
                        frame.getClassName().replaceFirst("^.*\\.", "")
                            + "."
                            + frame.getMethodName().replaceFirst("^lambda\\$(\\w+)\\$\\d+$", "$1"))
                    .reduce((inner, outer) -> outer + " > " + inner)
                    .orElse("?"));
    return new ChangeSite(call, what, where);
  }

  @Override
  public String toString() {
    return call + " of " + what + " in " + where;
  }
}
