package dev.backstep.source;

import dev.backstep.domain.SourceDefinition;
import java.nio.file.Path;
import java.util.List;

/** Makes the sources of one type. Thread-safe. */
public interface SourceProvider {

  /** The type's name in job definitions, such as {@code image}. */
  String type();

  /**
   * @param runFolder a short-pathed folder of this process for sockets and process records; exists
   */
  VmSource open(SourceDefinition definition, Path runFolder) throws SourceException;

  /**
   * Where a definition's VMs are, in one spelling: equal where the same ones are listed. Empty when
   * sources of this type select no VMs.
   */
  default String place(SourceDefinition definition) {
    return "";
  }

  /**
   * The VMs that are there now, for a definition that selects some of them.
   *
   * @param definition where they are; whether it selects them is not asked
   * @throws SourceException when they cannot be listed, or sources of this type select no VMs
   */
  default List<ListedVm> list(SourceDefinition definition, Path runFolder) throws SourceException {
    throw new SourceException(
        SourceException.Kind.FAILED, "a source of type " + type() + " selects no VMs");
  }
}
