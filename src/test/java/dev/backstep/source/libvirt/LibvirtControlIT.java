package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.HypervisorControl.View;
import dev.backstep.testing.LibvirtGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** libvirt asked through its library, in this process. */
class LibvirtControlIT extends HypervisorControlContract {

  private static final LibvirtLibrary LIBRARY = LibvirtLibrary.find().orElseThrow();

  @Override
  HypervisorControl control(String uri, Path temporary) {
    return control(new LibvirtConnection(LIBRARY, uri, Duration.ofSeconds(60)), uri, temporary);
  }

  private static HypervisorControl control(LibvirtConnection connection, String uri, Path folder) {
    return new LibvirtControl(LIBRARY, connection, new Virsh(uri, folder));
  }

  @Test
  void libraryIsChosenWhereItIs() {
    assertThat(Controls.of(host.uri(), folder)).isInstanceOf(ChosenControl.class);
  }

  @Test
  void daemonThatStandsStillHoldsNobodyForLongAndFewThreads() throws Throwable {
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofMillis(300));
    HypervisorControl control = control(connection, host.uri(), folder);
    control.domains();
    whileTheDaemonStandsStill(() -> {
      for (int i = 0; i < LibvirtConnection.HANGING_MAX; i++) {
        assertUnreachable(control::domains, "has not answered");
      }
      assertUnreachable(control::domains, "not asked");
    });
    LibvirtGuest.await("answers to what hung", () -> !connection.isStuck());
    LibvirtGuest.await("a daemon that answers", () -> answers(control));
  }

  private static boolean answers(HypervisorControl control) {
    try {
      return !control.domains().isEmpty();
    } catch (SourceException e) {
      return false;
    }
  }

  @Test
  void domainIsNotDefinedWhenTheConnectionOpensTooLate() throws Throwable {
    String xml =
        control(host.uri(), folder)
            .definition("asked", View.PERSISTENT)
            .replace("<name>asked</name>", "<name>late</name>")
            .replaceFirst("<uuid>.*</uuid>", "");
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofMillis(300));
    HypervisorControl control = control(connection, host.uri(), folder);

    whileTheDaemonStandsStill(
        () -> assertUnreachable(() -> control.define(xml), "has not answered"));
    LibvirtGuest.await("the end of what hung", () -> connection.hanging() == 0);

    assertThat(host.virsh("list", "--all", "--name")).doesNotContain("late");
  }

  @Test
  void guestIsNotResumedWhenItsDomainIsFoundTooLate() throws Throwable {
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofMillis(300));
    HypervisorControl control = control(connection, host.uri(), folder);
    String uuid = host.virsh("domuuid", "asked");
    control.domains();
    host.virsh("suspend", "asked");

    whileTheDaemonStandsStill(
        () -> assertUnreachable(() -> control.resume(uuid), "has not answered"));
    LibvirtGuest.await("the end of what hung", () -> connection.hanging() == 0);

    assertThat(guest.state()).startsWith("paused");
    host.virsh("resume", "asked");
  }

  /** A late thaw does no harm, a guest that stays frozen does. */
  @Test
  void guestIsThawedHoweverLate() throws Throwable {
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofMillis(300));
    HypervisorControl control = control(connection, host.uri(), folder);
    String uuid = host.virsh("domuuid", "asked");
    guest.freeze();

    whileTheDaemonStandsStill(
        () -> assertUnreachable(() -> control.thaw(uuid), "has not answered"));

    LibvirtGuest.await("a guest that is not frozen", () -> !guest.isFrozen());
  }

  @Test
  void connectionIsOneForManyCallsAndIsOpenedAgainOnlyWhenItBroke() throws Exception {
    HypervisorControl control = control(host.uri(), folder);
    control.domains();
    long open = sockets();

    for (int i = 0; i < 20; i++) {
      control.domains();
    }

    assertThat(sockets()).isEqualTo(open);
  }

  private static long sockets() throws Exception {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(LibvirtControlIT::isSocket).count();
    }
  }

  private static boolean isSocket(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("socket:");
    } catch (IOException e) {
      return false;
    }
  }
}
