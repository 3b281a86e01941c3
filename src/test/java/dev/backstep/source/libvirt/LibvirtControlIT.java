package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.BackupId;
import dev.backstep.domain.RepositoryId;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.HypervisorControl.View;
import dev.backstep.testing.LibvirtGuest;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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

  /** Its storage stands still, and the daemon waits for it longer than we do. */
  @Test
  void jobThatBeginsTooLateIsEnded() throws Exception {
    LibvirtConnection connection =
        new LibvirtConnection(LIBRARY, host.uri(), Duration.ofSeconds(3));
    HypervisorControl control = control(connection, host.uri(), folder);
    Domain domain = Domain.parse(control.definition("asked", View.LIVE));
    RepositoryId repository = new RepositoryId("r1");
    OwnJob job = new OwnJob(control, domain.uuid(), host.scratch(), repository);
    LiveBegin begin =
        new LiveBegin(
            control,
            LibvirtSettings.of(ScriptedControl.source(host.scratch())),
            domain,
            new SnapshotRequest(
                repository, new BackupId("backup-vm-20260101-000000"), Map.of(), Set.of()));
    String qemu = String.valueOf(host.qemu("asked").pid());
    CompletableFuture<Exception> told = new CompletableFuture<>();
    Tool.run("kill", "-STOP", qemu);
    try {
      Thread.ofPlatform()
          .start(() -> {
            try {
              begin.begin(job);
            } catch (SourceException e) {
              told.complete(e);
            }
          });
      LibvirtGuest.await("a call that hangs", () -> connection.hanging() > 0);
    } finally {
      Tool.run("kill", "-CONT", qemu);
    }

    assertThat(told.get(2, TimeUnit.MINUTES)).hasMessageContaining("has not answered");

    LibvirtGuest.await(
        "a domain without a job",
        () -> host.tryVirsh("domjobinfo", "asked").output().contains("None"));
    control.begin(domain.uuid(), job("again.sock"), Optional.empty());
    control.abort(domain.uuid());
    LibvirtGuest.await("the job's end", () -> control.backupJob(domain.uuid()).isEmpty());
    assertThat(control.checkpoints(domain.uuid())).isEmpty();
    assertThat(host.scratch()).isEmptyDirectory();
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
