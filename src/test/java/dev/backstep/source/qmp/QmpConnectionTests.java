package dev.backstep.source.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Monitors that answer as QEMU does, and some that do not. */
class QmpConnectionTests {

  private static final Duration LIMIT = Duration.ofMillis(400);
  private static final String GREETING =
      "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 7, \"minor\": 2}}, \"capabilities\":"
          + " []}}\r\n";
  private static final String READY = GREETING + "{\"return\": {}, \"id\": 1}\r\n";

  @TempDir private Path folder;
  private Path socket;
  private ServerSocketChannel server;

  @BeforeEach
  void listen() throws IOException {
    socket = folder.resolve("qmp");
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  /** Says all that it will ever say at once. */
  private void says(String text, boolean andLeaves) {
    Thread.ofPlatform()
        .daemon()
        .start(() -> {
          try {
            SocketChannel client = server.accept();
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
              client.write(bytes);
            }
            if (andLeaves) {
              client.shutdownOutput();
            }
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  private QmpConnection open() throws SourceException {
    return QmpConnection.open(socket, LIMIT);
  }

  private static QmpException.Why why(Throwable e) {
    return ((QmpException) e).why();
  }

  @Test
  void answersAreFoundBetweenEventsAndOldAnswers() throws Exception {
    says(
        READY
            + "{\"event\": \"STOP\", \"data\": {}}\r\n{\"return\": 1, \"id\": 9}\r\n"
            + "{\"return\": {\"status\": \"paused\"}, \"id\": 2}\r\n",
        false);

    try (QmpConnection connection = open()) {
      assertThat(connection.version()).isEqualTo("7.2");
      assertThat(connection.execute("query-status", Map.of()).path("status").asString())
          .isEqualTo("paused");
    }
  }

  @Test
  void eventsAreAwaitedNoLongerThanAsked() throws Exception {
    says(READY + "{\"event\": \"STOP\", \"data\": {}}\r\n", false);

    try (QmpConnection connection = open()) {
      connection.awaitEvent(Duration.ofSeconds(30));
      connection.awaitEvent(Duration.ofMillis(1));
    }
  }

  @Test
  void refusalIsToldInQemusWordsWithTheCommand() throws Exception {
    says(READY + "{\"id\": 2, \"error\": {\"class\": \"x\", \"desc\": \"no node\"}}\r\n", false);

    try (QmpConnection connection = open()) {
      assertThatThrownBy(() -> connection.execute("blockdev-del", Map.of("node-name", "a")))
          .hasMessage("QEMU at " + socket + " refuses blockdev-del: no node")
          .satisfies(e -> assertThat(why(e)).isEqualTo(QmpException.Why.REFUSED));
    }
  }

  @Test
  void monitorThatServesAnotherClientIsToldAfterTheTimeLimit() {
    says("", false);

    assertThatThrownBy(this::open)
        .hasMessageContainingAll(socket.toString(), "greeting", "one client at a time")
        .satisfies(e -> assertThat(why(e)).isEqualTo(QmpException.Why.SILENT));
  }

  @Test
  void endOfQemuIsToldWithWhatWasWaitedFor() throws Exception {
    says(READY, true);

    try (QmpConnection connection = open()) {
      assertThatThrownBy(() -> connection.execute("query-jobs", Map.of()))
          .hasMessageContainingAll(socket.toString(), "query-jobs", "did the VM end?")
          .satisfies(e -> assertThat(why(e)).isEqualTo(QmpException.Why.LOST));
    }
  }

  @Test
  void whatIsNoMonitorIsRefused() {
    says("NBDMAGIC\n", false);

    assertThatThrownBy(this::open)
        .hasMessageContainingAll(socket.toString(), "NBDMAGIC", "option -qmp")
        .satisfies(e -> assertThat(why(e)).isEqualTo(QmpException.Why.PROTOCOL));
  }

  @Test
  void socketOfNobodyIsAbsent() throws Exception {
    server.close();

    for (Path path : new Path[] {socket, folder.resolve("none")}) {
      assertThatThrownBy(() -> QmpConnection.open(path, LIMIT))
          .hasMessageContaining(path + ": nobody listens there")
          .satisfies(e -> assertThat(why(e)).isEqualTo(QmpException.Why.ABSENT));
    }
  }
}
