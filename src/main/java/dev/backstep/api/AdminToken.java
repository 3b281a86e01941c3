package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * The administrator's token, made on the first start and kept in {@code <home>/admin.token}, which
 * only its owner can read. Where the file is gone it is made anew, and the old one is worthless.
 */
@Component
class AdminToken implements InitializingBean {

  /** The file's name in the home folder. */
  static final String FILE = "admin.token";

  private static final String NAME = "admin";

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
      Files.writeString(file, tokens.replace(NAME, Role.ADMIN.name()) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": the administrator's token cannot be kept: " + e, e);
    }
  }
}
