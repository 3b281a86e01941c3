package dev.backstep.source;

import dev.backstep.domain.SourceDefinition;
import java.nio.file.Path;

/** Makes the sources of one type. Thread-safe. */
public interface SourceProvider {

  /** The type's name in job definitions, such as {@code image}. */
  String type();

  /**
   * @param runFolder a short-pathed folder of this process for sockets and process records; exists
   */
  VmSource open(SourceDefinition definition, Path runFolder) throws SourceException;
}
