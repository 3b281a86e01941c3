package dev.backstep.cli;

import dev.backstep.job.Selections;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.libvirt.LibvirtSourceProvider;
import dev.backstep.source.qmp.QmpSourceProvider;
import dev.backstep.source.vsphere.VsphereSourceProvider;
import java.util.List;

/** The sources that a command asks itself, those that find the disks of a VM. */
final class LocalSources {

  static final List<SourceProvider> ALL =
      List.of(new LibvirtSourceProvider(), new QmpSourceProvider(), new VsphereSourceProvider());

  private LocalSources() {}

  static Selections selections(CommandOptions options) {
    return new Selections(ALL, options.home().resolve("run"));
  }
}
