package dev.backstep.source.vsphere;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Makes sources of type {@code vsphere}. */
public final class VsphereSourceProvider implements SourceProvider {

  private final ConnectionLimits limits = new ConnectionLimits();
  private final Set<String> openMarks = ConcurrentHashMap.newKeySet();

  @Override
  public String type() {
    return "vsphere";
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) throws SourceException {
    return new VsphereSource(VsphereSettings.of(definition), runFolder, limits, openMarks);
  }
}
