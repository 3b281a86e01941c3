package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.catalog.ProcessIdentity;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * The administrator's token, made on the first start and kept in {@code <home>/admin.token}, which
 * only its owner can read. Where the file is gone it is made anew, and the old one is worthless.
 * Servers of one database have one each, under a name that tells their home folders apart.
 */
@Component
class AdminToken implements InitializingBean {

  /** The file's name in the home folder. */
  static final String FILE = "admin.token";

  private static final int NAME_HEX_DIGITS = 12;

  private final ApiTokens tokens;
  private final Path file;

  AdminToken(ApiTokens tokens, Environment environment) {
    this.tokens = tokens;
    this.file = Path.of(environment.getRequiredProperty("backstep.home")).resolve(FILE);
  }

  @Override
  public void afterPropertiesSet() {
    try {
      if (Files.exists(file) && tokens.find(Files.readString(file).strip()).isPresent()) {
        return;
      }
      Files.deleteIfExists(file);
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(file, tokens.replace(name(), Role.ADMIN.name()) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": the administrator's token cannot be kept: " + e, e);
    }
  }

  private String name() throws IOException {
    String home = ProcessIdentity.current().host() + ":" + file.toRealPath().getParent();
    String hex = UUID.nameUUIDFromBytes(home.getBytes(StandardCharsets.UTF_8)).toString();
    return "admin-" + hex.replace("-", "").substring(0, NAME_HEX_DIGITS);
  }
}
