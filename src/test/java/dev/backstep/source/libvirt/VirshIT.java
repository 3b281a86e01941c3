package dev.backstep.source.libvirt;

import java.nio.file.Path;

/** libvirt asked through its command line program. */
class VirshIT extends HypervisorControlContract {

  @Override
  HypervisorControl control(String uri, Path temporary) {
    return new Virsh(uri, temporary);
  }
}
