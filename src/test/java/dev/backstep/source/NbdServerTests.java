package dev.backstep.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.backstep.blockio.DiskLock;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

  /** Both have seen that nothing answers; the second would take the first one's socket away. */
  @Test
  void ofTwoThatStartAtOnceOneIsLocked() throws Exception {
    try (DiskLock _ = DiskLock.ofNew(folder.resolve(".nbd-onto-a.lock"))) {
      Files.createFile(folder.resolve("nbd-onto-a"));

      SourceException locked = failure();

      assertThat(locked.kind()).isEqualTo(SourceException.Kind.LOCKED);
      assertThat(locked).hasMessageContaining("another command serves this disk already");
      assertThat(folder.resolve("nbd-onto-a")).exists();
    }

    assertThat(failure()).hasMessage("it did not start");
    assertThatCode(() -> DiskLock.ofNew(folder.resolve(".nbd-onto-a.lock")).close())
        .as("who could not start lets go")
        .doesNotThrowAnyException();
  }

  /** Of a server that ends at once. */
  private SourceException failure() {
    NbdServer.Recipe recipe =
        new NbdServer.Recipe(
            "sh",
            "",
            socket -> List.of("sh", "-c", "echo no >&2; exit 1"),
            new byte[0],
            errors -> new SourceException(SourceException.Kind.FAILED, "it did not start"));
    return catchThrowableOfType(
        SourceException.class, () -> NbdServer.start(recipe, folder, "nbd-onto-a"));
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
