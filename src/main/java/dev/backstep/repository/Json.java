package dev.backstep.repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The JSON dialect of the repository's files: snake case, indented, unknown fields ignored. */
final class Json {

  /** No file of the repository that we read as JSON is larger; bounds what a bad file can cost. */
  private static final long FILE_BYTES_MAX = 64L << 20;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private Json() {}

  /**
   * For what a file must say.
   *
   * @throws IllegalArgumentException when it does not
   */
  static void require(@Nullable Object value, String field) {
    if (value == null) {
      throw new IllegalArgumentException("no " + field + "; every such file has one");
    }
  }

  static byte[] bytes(Object value) {
    return MAPPER.writeValueAsBytes(value);
  }

  /**
   * Reads one file.
   *
   * @throws RepositoryException {@code MISSING} when there is no such file, {@code DAMAGED} when it
   *     is no JSON of that type
   */
  static <T> T read(Path file, Class<T> type) throws IOException {
    try {
      long size = Files.size(file);
      if (size > FILE_BYTES_MAX) {
        throw new RepositoryException(
            RepositoryException.Kind.DAMAGED,
            file + ": " + size + " bytes, expected at most " + FILE_BYTES_MAX);
      }
      T value = MAPPER.readValue(Files.readAllBytes(file), type);
      if (value == null) {
        throw new RepositoryException(
            RepositoryException.Kind.DAMAGED, file + ": holds JSON null, expected an object");
      }
      return value;
    } catch (NoSuchFileException e) {
      throw new RepositoryException(
          RepositoryException.Kind.MISSING, file + ": no such file in the repository", e);
    } catch (JacksonException | IllegalArgumentException e) {
      throw new RepositoryException(
          RepositoryException.Kind.DAMAGED,
          file + ": not a valid " + type.getSimpleName() + " (" + e.getMessage() + ")",
          e);
    }
  }
}
