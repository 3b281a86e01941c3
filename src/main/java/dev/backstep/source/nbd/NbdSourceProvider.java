package dev.backstep.source.nbd;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;

/** Makes sources of type {@code nbd}. */
public final class NbdSourceProvider implements SourceProvider {

  @Override
  public String type() {
    return "nbd";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) {
    return new NbdSource(definition.disks());
  }
}
