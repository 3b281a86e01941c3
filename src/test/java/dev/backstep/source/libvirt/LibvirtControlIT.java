package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.source.SourceException;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
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
    assertThat(Controls.of(host.uri(), folder)).isInstanceOf(LibvirtControl.class);
  }

  @Test
  void daemonThatStandsStillHoldsNobodyForLongAndFewThreads() throws Exception {
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofMillis(300));
    HypervisorControl control = control(connection, host.uri(), folder);
    control.domains();
    String daemon = Files.readString(host.folder().resolve("run/libvirtd.pid")).strip();

    Tool.run("kill", "-STOP", daemon);
    try {
      for (int i = 0; i < LibvirtConnection.HANGING_MAX; i++) {
        assertUnreachable(control, "has not answered");
      }
      assertUnreachable(control, "not asked");
    } finally {
      Tool.run("kill", "-CONT", daemon);
    }
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

  private static void assertUnreachable(HypervisorControl control, String message) {
    assertThatThrownBy(control::domains)
        .isInstanceOfSatisfying(
            SourceException.class,
            e -> assertThat(e.kind()).isEqualTo(SourceException.Kind.UNREACHABLE))
        .hasMessageContaining(message);
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
