package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What counts as a sign of life. */
class GuestSignsTests {

  private interface Server {
    void talk(Socket client) throws IOException;
  }

  private static boolean answers(Server server) throws IOException {
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            try (Socket client = listener.accept()) {
              server.talk(client);
            } catch (IOException e) {
              // the test has ended
            }
          });
      return new GuestPort(listener.getLocalPort()).answers();
    }
  }

  @Test
  void serversThatSpeakFirstOrWhenAskedLive() throws Exception {
    assertThat(answers(client -> client.getOutputStream().write('S'))).isTrue();
    assertThat(
            answers(client -> {
              client.getInputStream().readNBytes(18);
              client.getOutputStream().write("HTTP/1.0 400".getBytes(StandardCharsets.US_ASCII));
            }))
        .isTrue();
  }

  @Test
  void connectionThatIsOnlyTakenIsNoSign() throws Exception {
    assertThat(answers(client -> client.getInputStream().readNBytes(1000))).isFalse();
    assertThat(answers(Socket::close)).isFalse();
    assertThat(new GuestPort(GuestPort.free()).answers()).isFalse();
  }

  @Test
  void consoleIsReadAsPeopleSeeIt() {
    Console console = new Console();
    console.append("\u001b[2J\u001b[01;32mWelco");
    console.append("me\u001b[0m\r\n\r\nhost login: ");

    assertThat(console.shows(Pattern.compile("^Welcome$", Pattern.MULTILINE))).isTrue();
    assertThat(console.shows(Pattern.compile("logout"))).isFalse();
    assertThat(console.lastLines()).isEqualTo("Welcome\nhost login: ");
    for (int i = 0; i < 100_000; i++) {
      console.append("line " + i + "\n");
    }
    assertThat(console.lastLines()).endsWith("line 99999").hasLineCount(20);
    assertThat(console.shows(Pattern.compile("Welcome"))).as("long gone").isFalse();
  }

  @Test
  void agentThatAnswersLives(@TempDir Path folder) throws Exception {
    GuestAgent agent = GuestAgent.make(folder.resolve("agent"));
    agent.listen();
    agent.ping();
    assertThat(agent.answered()).isFalse();
    try (SeekableByteChannel in =
            Files.newByteChannel(
                folder.resolve("agent.in"), StandardOpenOption.READ, StandardOpenOption.WRITE);
        SeekableByteChannel out =
            Files.newByteChannel(
                folder.resolve("agent.out"), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      agent.ping();
      ByteBuffer asked = ByteBuffer.allocate(200);
      in.read(asked);
      assertThat(new String(asked.array(), StandardCharsets.US_ASCII)).contains("guest-ping");
      out.write(ByteBuffer.wrap("{\"return\": {}}\n".getBytes(StandardCharsets.US_ASCII)));
      for (int i = 0; i < 200 && !agent.answered(); i++) {
        Thread.sleep(20);
      }
      assertThat(agent.answered()).isTrue();
    }
    agent.end();
  }
}
