package dev.backstep.source.libvirt;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.ListedVm;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;
import java.util.List;

/** Makes sources of type {@code libvirt}. */
public final class LibvirtSourceProvider implements SourceProvider {

  @Override
  public String type() {
    return "libvirt";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) throws SourceException {
    LibvirtSettings settings = LibvirtSettings.of(definition);
    return new LibvirtSource(settings, Controls.of(settings.uri(), runFolder), runFolder);
  }

  @Override
  public String place(SourceDefinition definition) {
    return LibvirtSettings.place(definition);
  }

  @Override
  public List<ListedVm> list(SourceDefinition definition, Path runFolder) throws SourceException {
    return DomainList.of(Controls.of(LibvirtSettings.uri(definition), runFolder));
  }
}
