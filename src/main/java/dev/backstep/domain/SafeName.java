package dev.backstep.domain;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Names that may stand in a path on any file system: no separators, no leading dot, no spaces. */
final class SafeName {

  private static final Pattern SAFE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,119}");
  private static final int STEM_LENGTH_MAX = 40;

  private SafeName() {}

  /** A value from a file may be missing, whatever its type says. */
  static void check(String what, @Nullable String value) {
    if (value == null || !SAFE.matcher(value).matches()) {
      throw new IllegalArgumentException(
          what
              + " '"
              + value
              + "': expected 1 to 120 letters, digits, '.', '-' or '_', not starting with '.' or"
              + " '-'");
    }
  }

  /**
   * The name itself where it is short and safe, else what is safe of it followed by a dash and the
   * first 8 hex digits of its SHA-256, so that different names never meet in one folder.
   */
  static String of(String name) {
    if (name.length() <= STEM_LENGTH_MAX && SAFE.matcher(name).matches()) {
      return name;
    }
    String stem = name.replaceAll("[^A-Za-z0-9_-]+", "-").replaceAll("^-+|-+$", "");
    stem = stem.substring(0, Math.min(stem.length(), STEM_LENGTH_MAX));
    return (stem.isEmpty() ? "vm" : stem) + "-" + Sha256.of(name).substring(0, 8);
  }
}
