package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.source.SourceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Calls that hang or fail in ways of their own, at libvirt's driver for tests: it needs no daemon.
 */
class LibvirtConnectionIT {

  @TempDir Path folder;

  private final LibvirtConnection connection =
      new LibvirtConnection(
          LibvirtLibrary.find().orElseThrow(), "test:///default", Duration.ofSeconds(60));

  @Test
  void callThatIsInterruptedCountsAmongThoseThatHang() throws Exception {
    CompletableFuture<String> begun = new CompletableFuture<>();
    CompletableFuture<String> answer = new CompletableFuture<>();
    CompletableFuture<Exception> told = new CompletableFuture<>();
    Thread caller =
        Thread.ofPlatform()
            .start(() -> {
              try {
                connection.ask(
                    "wait",
                    (_, _) -> {
                      begun.complete("");
                      return answer.join();
                    });
              } catch (SourceException e) {
                told.complete(e);
              }
            });
    begun.join();

    caller.interrupt();

    assertThat(told.get()).hasMessageContaining("interrupted");
    assertThat(connection.hanging()).isEqualTo(1);
    answer.complete("");
    while (connection.hanging() > 0) {
      Thread.sleep(10);
    }
  }

  @Test
  void whoAsksAlreadyIsAnsweredByVirshWhileTooMuchHangs() throws Exception {
    LibvirtLibrary library = LibvirtLibrary.find().orElseThrow();
    String uri = "test:///default";
    LibvirtConnection hasty = new LibvirtConnection(library, uri, Duration.ofMillis(300));
    Virsh virsh = new Virsh(uri, folder);
    HypervisorControl control =
        new ChosenControl(hasty, new LibvirtControl(library, hasty, virsh), virsh);
    List<String> domains = control.domains();
    CompletableFuture<String> answer = new CompletableFuture<>();
    for (int i = 0; i < LibvirtConnection.HANGING_MAX; i++) {
      assertThatThrownBy(() -> hasty.ask("wait", (_, _) -> answer.join()))
          .hasMessageContaining("has not answered");
    }

    assertThat(hasty.isStuck()).isTrue();
    assertThat(control.domains()).isEqualTo(domains);

    answer.complete("");
    while (hasty.hanging() > 0) {
      Thread.sleep(10);
    }
  }

  @Test
  void faultInACallIsToldAtOnce() {
    assertThatThrownBy(() ->
            connection.ask(
                "fail",
                (_, _) -> {
                  throw new AssertionError("not to be foreseen");
                }))
        .hasRootCauseMessage("not to be foreseen");
    assertThat(connection.hanging()).isZero();
  }
}
