package dev.backstep.catalog;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where the catalog's database is: {@code BACKSTEP_DB_URL} with {@code _USER} and {@code _PASSWORD}
 * or {@code _PASSWORD_FILE}, else an H2 file below the home folder.
 */
record DatabaseSettings(String url, String user, String password) {

  private static final String URL = "BACKSTEP_DB_URL";

  /**
   * Where a driver would look for one; URLs are logged, and shown to whoever asks what is running.
   */
  private static final Pattern PASSWORD =
      Pattern.compile("[?&;(]\\s*password\\s*=|//[^/?;]*:[^/?;]*@", Pattern.CASE_INSENSITIVE);

  /** Others, as those of key stores, which have no setting of their own here. */
  private static final Pattern SECRET =
      Pattern.compile("([?&;(]\\s*\\w*password\\w*\\s*=)[^&;)]*", Pattern.CASE_INSENSITIVE);

  /** Longer than any transaction of ours holds a row, in milliseconds. */
  static final int H2_LOCK_TIMEOUT_MILLIS = 20_000;

  /**
   * @param setting the value of an environment variable, null when not set
   * @throws IllegalArgumentException when a setting cannot be used
   */
  static DatabaseSettings of(Path home, Function<String, @Nullable String> setting) {
    String url = setting.apply(URL);
    if (url == null || url.isBlank()) {
      return new DatabaseSettings(embedded(home), "sa", "");
    }
    if (PASSWORD.matcher(url).find()) {
      throw new IllegalArgumentException(
          URL
              + " holds a password, which would be logged with it: take it out, and set"
              + " BACKSTEP_DB_USER with BACKSTEP_DB_PASSWORD_FILE or BACKSTEP_DB_PASSWORD");
    }
    if (!url.startsWith("jdbc:mariadb:") && !url.startsWith("jdbc:h2:")) {
      throw new IllegalArgumentException(
          URL
              + " begins with '"
              + url.substring(0, Math.min(url.length(), 12))
              + "': expected jdbc:mariadb://HOST[:PORT]/DATABASE, or nothing for the embedded one");
    }
    String user = setting.apply(URL.replace("URL", "USER"));
    return new DatabaseSettings(url, user == null ? "" : user, password(setting));
  }

  boolean isH2() {
    return url.startsWith("jdbc:h2:");
  }

  /** Without any password. */
  @Override
  public String toString() {
    return SECRET.matcher(url).replaceAll("$1***") + (user.isEmpty() ? "" : " as " + user);
  }

  /**
   * The {@code retry:} file system survives an interrupted thread; a write delay would lose
   * committed work when the process is killed; the database is closed by its pool, not by its own
   * shutdown hook, which would be too early for steps that still end.
   */
  private static String embedded(Path home) {
    Path file = home.toAbsolutePath().normalize().resolve("db").resolve("backstep");
    if (file.toString().indexOf(';') >= 0) {
      throw new IllegalArgumentException(
          "home folder " + home + ": the embedded database allows no ';' in its path");
    }
    return "jdbc:h2:retry:"
        + file
        + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0;LOCK_TIMEOUT="
        + H2_LOCK_TIMEOUT_MILLIS;
  }

  private static String password(Function<String, @Nullable String> setting) {
    String password = setting.apply("BACKSTEP_DB_PASSWORD");
    String file = setting.apply("BACKSTEP_DB_PASSWORD_FILE");
    if (password != null || file == null) {
      return password == null ? "" : password;
    }
    try {
      return Files.readString(Path.of(file)).stripTrailing();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read BACKSTEP_DB_PASSWORD_FILE " + file, e);
    }
  }
}
