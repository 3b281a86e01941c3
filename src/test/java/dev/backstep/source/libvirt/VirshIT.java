package dev.backstep.source.libvirt;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** libvirt asked through its command line program. */
class VirshIT extends HypervisorControlContract {

  @Override
  HypervisorControl control(String uri, Path temporary) {
    return new Virsh(uri, temporary);
  }

  @Test
  void daemonThatStandsStillIsUnreachable() throws Throwable {
    HypervisorControl control = new Virsh(host.uri(), folder, Duration.ofMillis(300));

    whileTheDaemonStandsStill(() -> assertUnreachable(control::domains, "not done after"));
  }
}
