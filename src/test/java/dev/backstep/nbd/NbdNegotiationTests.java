package dev.backstep.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.nbd.ScriptedServer.Peer;
import dev.backstep.nbd.ScriptedServer.Script;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the client makes of servers that fail or lie before transmission. */
@Timeout(20)
class NbdNegotiationTests {

  private static final Duration STALL = Duration.ofMillis(300);

  @TempDir Path folder;

  private void assertFails(Script script, Class<? extends IOException> type, String... words)
      throws IOException {
    try (ScriptedServer server = new ScriptedServer(folder.resolve("s"), script)) {
      assertThatThrownBy(
              () -> NbdConnection.open(server.uri(), List.of(NbdExtents.ALLOCATION), STALL).close())
          .isInstanceOf(type)
          .hasMessageContaining(folder.resolve("s").toString())
          .hasMessageContainingAll(words);
    }
  }

  private static void upToContexts(Peer peer) throws IOException {
    peer.greet();
    peer.option(NbdConstants.OPT_STRUCTURED_REPLY);
    peer.reply(NbdConstants.OPT_STRUCTURED_REPLY, NbdConstants.REP_ACK, new byte[0]);
    peer.option(NbdConstants.OPT_SET_META_CONTEXT);
  }

  private static void upToGo(Peer peer) throws IOException {
    upToContexts(peer);
    peer.reply(NbdConstants.OPT_SET_META_CONTEXT, NbdConstants.REP_ACK, new byte[0]);
    peer.option(NbdConstants.OPT_GO);
  }

  @Test
  void missingSocketNamesTheServer() {
    NbdUri uri = NbdUri.unix(folder.resolve("none"), "disk");

    assertThatThrownBy(() -> NbdConnection.open(uri, List.of(), STALL))
        .isInstanceOfSatisfying(
            NbdException.class, e -> assertThat(e.kind()).isEqualTo(NbdException.Kind.UNREACHABLE))
        .hasMessageContainingAll("connect", folder.resolve("none").toString());
  }

  @Test
  void refusesServerOfAnotherProtocol() throws IOException {
    assertFails(
        peer -> peer.out.writeBytes("HTTP/1.1 400 Bad Request\r\n\r\n"),
        NbdProtocolException.class,
        "handshake");
  }

  @Test
  void refusesOldstyleServer() throws IOException {
    assertFails(
        peer -> {
          peer.out.writeLong(NbdConstants.SERVER_MAGIC);
          peer.out.writeLong(NbdConstants.OLDSTYLE_MAGIC);
          peer.out.write(new byte[136]);
        },
        NbdException.class,
        "oldstyle");
  }

  @Test
  void serverThatHangsUpIsNamed() throws IOException {
    assertFails(peer -> {}, NbdException.class, "ended the connection");
  }

  @Test
  void silentServerIsGivenUp() throws IOException {
    assertFails(peer -> peer.in.read(), NbdException.class, "does not answer");
  }

  @Test
  void silentServerInTheMiddleIsGivenUp() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.in.read();
        },
        NbdException.class,
        "does not answer");
  }

  @Test
  void unknownExportIsToldApart() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.reply(
              NbdConstants.OPT_GO,
              NbdConstants.REP_ERR_UNKNOWN,
              "nothing by that name".getBytes(StandardCharsets.UTF_8));
        },
        NbdException.class,
        "knows no such export",
        "nothing by that name");
  }

  @Test
  void refusesAnswerToAnotherOption() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.reply(NbdConstants.OPT_ABORT, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "option");
  }

  @Test
  void refusesOptionReplyOfAbsurdLength() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.out.writeLong(NbdConstants.OPTION_REPLY_MAGIC);
          peer.out.writeInt(NbdConstants.OPT_GO);
          peer.out.writeInt(NbdConstants.REP_INFO);
          peer.out.writeInt(-1);
        },
        NbdProtocolException.class,
        "4294967295");
  }

  @Test
  void refusesExportWithoutSize() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.reply(NbdConstants.OPT_GO, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "size");
  }

  @Test
  void refusesNegativeSize() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.export(-4096, NbdConstants.TRANSMISSION_HAS_FLAGS);
          peer.reply(NbdConstants.OPT_GO, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "-4096");
  }

  @Test
  void refusesBlockSizeThatIsNoPowerOfTwo() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.export(ScriptedServer.SIZE, NbdConstants.TRANSMISSION_HAS_FLAGS);
          peer.blockSizes(3000, 1 << 20);
          peer.reply(NbdConstants.OPT_GO, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "3000");
  }

  @Test
  void refusesInformationOfWrongLength() throws IOException {
    assertFails(
        peer -> {
          upToGo(peer);
          peer.reply(NbdConstants.OPT_GO, NbdConstants.REP_INFO, new byte[] {0, 0, 0});
        },
        NbdProtocolException.class,
        "negotiation");
  }

  @Test
  void refusesEndlessContexts() throws IOException {
    assertFails(
        peer -> {
          upToContexts(peer);
          for (int id = 0; ; id++) {
            peer.grant(NbdConstants.OPT_SET_META_CONTEXT, id, "x:" + id);
          }
        },
        NbdProtocolException.class,
        "meta contexts");
  }

  @Test
  void refusesTwoContextsOfOneNumber() throws IOException {
    assertFails(
        peer -> {
          upToContexts(peer);
          peer.grant(NbdConstants.OPT_SET_META_CONTEXT, 1, NbdExtents.ALLOCATION);
          peer.grant(NbdConstants.OPT_SET_META_CONTEXT, 1, "qemu:dirty-bitmap:a");
          peer.reply(NbdConstants.OPT_SET_META_CONTEXT, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "context");
  }

  @Test
  void refusesContextThatWasNotAskedFor() throws IOException {
    assertFails(
        peer -> {
          upToContexts(peer);
          peer.grant(NbdConstants.OPT_SET_META_CONTEXT, 1, "qemu:dirty-bitmap:other");
          peer.reply(NbdConstants.OPT_SET_META_CONTEXT, NbdConstants.REP_ACK, new byte[0]);
        },
        NbdProtocolException.class,
        "qemu:dirty-bitmap:other");
  }

  @Test
  void serverWithoutStructuredRepliesGrantsNoContext() throws IOException {
    try (ScriptedServer server =
            new ScriptedServer(
                folder.resolve("s"),
                peer -> {
                  peer.greet();
                  peer.option(NbdConstants.OPT_STRUCTURED_REPLY);
                  peer.reply(
                      NbdConstants.OPT_STRUCTURED_REPLY, NbdConstants.REP_ERR_UNSUP, new byte[0]);
                  peer.option(NbdConstants.OPT_GO);
                  peer.export(ScriptedServer.SIZE, NbdConstants.TRANSMISSION_HAS_FLAGS);
                  peer.reply(NbdConstants.OPT_GO, NbdConstants.REP_ACK, new byte[0]);
                  peer.request();
                });
        NbdConnection connection =
            NbdConnection.open(server.uri(), List.of(NbdExtents.ALLOCATION), STALL)) {
      assertThat(connection.export().grants(NbdExtents.ALLOCATION)).isFalse();
      assertThat(connection.export().sizeBytes()).isEqualTo(ScriptedServer.SIZE);
    }
  }
}
