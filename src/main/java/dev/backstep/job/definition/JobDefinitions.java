package dev.backstep.job.definition;

import dev.backstep.domain.JobDefinition;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Reads and writes job definitions. Stateless, thread-safe. */
public final class JobDefinitions {

  private static final String JOB_DEFINITION = "job definition";

  private JobDefinitions() {}

  /**
   * Reads YAML, or JSON as {@link #write} leaves it. All paths in it are absolute.
   *
   * @throws JobDefinitionException naming every problem with line and column, also when there is
   *     more than one definition
   */
  public static JobDefinition read(String text) {
    List<JobDefinition> all = DefinitionReader.read(text, JOB_DEFINITION, null);
    if (all.size() > 1) {
      throw JobDefinitionException.of(
          JOB_DEFINITION, all.size() + " definitions in one text; expected one");
    }
    return all.getFirst();
  }

  /**
   * Reads a file, in which definitions stand as YAML documents, {@code ---} between them; relative
   * paths in it start from its folder.
   *
   * @return at least one
   * @throws JobDefinitionException naming every problem with line and column, also when the file
   *     cannot be read
   */
  public static List<JobDefinition> readAll(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    return DefinitionReader.read(text(file), file.toString(), absolute.getParent());
  }

  /**
   * The definition as JSON with every field, in a fixed order and in ASCII: equal definitions give
   * equal texts, and {@link #read(String)} gives an equal definition back.
   */
  public static String write(JobDefinition definition) {
    return DefinitionWriter.write(definition);
  }

  /** Whether {@code vm} accepts it. */
  public static boolean isVmName(String name) {
    return Text.isLine(name, DefinitionReader.NAME_LENGTH_MAX);
  }

  private static String text(Path file) {
    try (InputStream stream = Files.newInputStream(file)) {
      byte[] bytes = stream.readNBytes(YamlTree.LENGTH_MAX + 1);
      if (bytes.length > YamlTree.LENGTH_MAX) {
        throw JobDefinitionException.of(
            file.toString(), "more than " + YamlTree.LENGTH_MAX + " bytes; is this a definition?");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw JobDefinitionException.of(file.toString(), "not UTF-8 text");
    } catch (NoSuchFileException e) {
      throw JobDefinitionException.of(file.toString(), "there is no such file");
    } catch (IOException e) {
      throw JobDefinitionException.of(file.toString(), "cannot be read: " + e.getMessage());
    }
  }
}
