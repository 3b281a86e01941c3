package dev.backstep.source.qmp;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;

/** Makes sources of type {@code qmp}. */
public final class QmpSourceProvider implements SourceProvider {

  @Override
  public String type() {
    return "qmp";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) throws SourceException {
    return new QmpSource(QmpSettings.of(definition), runFolder);
  }
}
