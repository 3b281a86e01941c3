package dev.backstep.source.image;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;

/** Makes sources of type {@code image}. */
public final class ImageSourceProvider implements SourceProvider {

  @Override
  public String type() {
    return "image";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) {
    return new ImageSource(definition.disks(), runFolder);
  }
}
