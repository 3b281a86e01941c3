package dev.backstep.source.image;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import dev.backstep.source.file.FileDisks;
import dev.backstep.source.file.Marking;
import java.nio.file.Path;

/** Makes sources of type {@code image}. */
public final class ImageSourceProvider implements SourceProvider {

  @Override
  public String type() {
    return "image";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) {
    return new FileDisks(definition.disks(), runFolder, Marking.OF_EACH_DISK);
  }
}
