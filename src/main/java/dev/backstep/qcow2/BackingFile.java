package dev.backstep.qcow2;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Finds the backing file that an image names. Stricter than QEMU, as the name comes out of a file
 * that anybody may have put there: QCOW2 files in the image's own folder only, no URIs, no devices,
 * no pipes.
 */
final class BackingFile {

  /** What QEMU takes for a protocol and not for a file's name: a colon before any slash. */
  private static final Pattern PROTOCOL = Pattern.compile("[^/]*:.*", Pattern.DOTALL);

  /** Place of the name's offset in the header. */
  private static final int NAME_FIELD = 8;

  private BackingFile() {}

  /**
   * @return empty for a standalone image
   * @throws Qcow2FormatException when the name is none of a file in the image's folder, the file is
   *     missing, or its format is not QCOW2
   */
  static Optional<Path> of(Path image, Qcow2Header header) throws Qcow2FormatException {
    if (header.backingFile().isEmpty()) {
      return Optional.empty();
    }
    String name = header.backingFile().get();
    String format = header.backingFormat().orElse("qcow2");
    if (!format.equals("qcow2")) {
      throw bad(image, "backing file " + name + " has format " + format + ", supported is qcow2");
    }
    Path file = sibling(image, name);
    if (!Files.exists(file)) {
      throw bad(image, "backing file " + file + " is missing; the chain is broken");
    }
    if (!Files.isRegularFile(file)) {
      throw bad(image, "backing file " + file + " is no regular file; the chain is broken");
    }
    return Optional.of(file);
  }

  private static Path sibling(Path image, String name) throws Qcow2FormatException {
    if (PROTOCOL.matcher(name).matches()) {
      throw bad(
          image, "backing file " + name + " is no file name; URIs and options are not followed");
    }
    Path own = image.toAbsolutePath().normalize();
    try {
      Path file = own.resolveSibling(name).normalize();
      if (!Objects.equals(file.getParent(), own.getParent())) {
        throw bad(
            image,
            "backing file "
                + name
                + " leaves the image's folder; all images of a chain lie in one folder");
      }
      return file;
    } catch (InvalidPathException e) {
      throw bad(image, "backing file name is none that a file can have: " + e.getMessage());
    }
  }

  private static Qcow2FormatException bad(Path image, String problem) {
    return new Qcow2FormatException(image, NAME_FIELD, problem);
  }
}
