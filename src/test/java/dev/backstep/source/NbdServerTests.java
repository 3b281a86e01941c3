package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NbdServerTests {

  @TempDir private Path folder;

  private SourceException refused(Path runFolder) {
    return catchThrowableOfType(
        SourceException.class, () -> NbdServer.requireUnserved(runFolder, "nbd-onto-a"));
  }

  @Test
  void nameThatNothingAnswersAtIsFree() throws Exception {
    assertThatCode(() -> NbdServer.requireUnserved(folder, "nbd-onto-a"))
        .doesNotThrowAnyException();

    Files.createFile(folder.resolve("nbd-onto-a"));
    assertThatCode(() -> NbdServer.requireUnserved(folder, "nbd-onto-a"))
        .as("left by the dead")
        .doesNotThrowAnyException();
  }

  @Test
  void nameThatSomethingAnswersAtIsLocked() throws Exception {
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(folder.resolve("nbd-onto-a")));
      Thread.ofPlatform().daemon().start(() -> hangUp(server));

      SourceException locked = refused(folder);

      assertThat(locked.kind()).isEqualTo(SourceException.Kind.LOCKED);
      assertThat(locked).hasMessageContaining("another command serves this disk already");
    }
  }

  private static void hangUp(ServerSocketChannel server) {
    try {
      server.accept().close();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** In a folder that is made for it a relaunch would not find it. */
  @Test
  void lastingNameIsNotPutElsewhereWhereItDoesNotFit() {
    SourceException refused = refused(folder.resolve("x".repeat(100)));

    assertThat(refused.kind()).isEqualTo(SourceException.Kind.FAILED);
    assertThat(refused).hasMessageContainingAll("path is too long", "symbolic link");
  }
}
