package dev.backstep.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.domain.ByteRange;
import dev.backstep.nbd.ScriptedServer.Peer;
import dev.backstep.nbd.ScriptedServer.Script;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the client makes of servers that fail or lie while it reads. */
@Timeout(20)
class NbdTransmissionTests {

  private static final Duration STALL = Duration.ofMillis(300);
  private static final int LENGTH = 8192;

  @TempDir Path folder;

  private ScriptedServer server(Script afterRequest) throws IOException {
    return new ScriptedServer(
        folder.resolve("s"),
        peer -> {
          peer.negotiate();
          if (peer.request()) {
            afterRequest.run(peer);
          }
        });
  }

  private static byte[] bytes(int count, int value) {
    byte[] bytes = new byte[count];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private ByteBuffer read(Script answer) throws IOException {
    ByteBuffer target = ByteBuffer.allocateDirect(LENGTH);
    try (ScriptedServer server = server(answer);
        NbdConnection connection = NbdConnection.open(server.uri(), List.of(), STALL)) {
      connection.read(0, target).join();
      return target;
    }
  }

  private void assertReadFails(Script answer, Class<? extends IOException> type, String... words) {
    assertThatThrownBy(() -> read(answer))
        .isInstanceOf(CompletionException.class)
        .cause()
        .isInstanceOf(type)
        .hasMessageContaining(folder.resolve("s").toString())
        .hasMessageContainingAll(words);
  }

  @Test
  void takesDataAndHolesInAnyOrder() throws IOException {
    ByteBuffer read =
        read(peer -> {
          peer.data(0, 4096, bytes(2048, 2));
          peer.chunk(0, NbdConstants.CHUNK_OFFSET_HOLE, 12);
          peer.out.writeLong(6144);
          peer.out.writeInt(2048);
          peer.data(0, 0, bytes(4096, 1));
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_NONE, 0);
          peer.request();
        });

    assertThat(read.get(0)).isEqualTo((byte) 1);
    assertThat(read.get(4096)).isEqualTo((byte) 2);
    assertThat(read.get(6144)).isZero();
  }

  @Test
  void holeOverwritesWhatTheBufferHeld() throws IOException {
    ByteBuffer target = ByteBuffer.allocateDirect(LENGTH).put(bytes(LENGTH, 9)).flip();
    try (ScriptedServer server =
            server(peer -> {
              peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_OFFSET_HOLE, 12);
              peer.out.writeLong(0);
              peer.out.writeInt(LENGTH);
              peer.request();
            });
        NbdConnection connection = NbdConnection.open(server.uri(), List.of(), STALL)) {
      connection.read(0, target).join();
    }

    assertThat(target.get(0)).isZero();
    assertThat(target.get(LENGTH - 1)).isZero();
  }

  /** As many bytes as asked for, but one half never came. */
  @Test
  void refusesTheSameDataTwice() {
    assertReadFails(
        peer -> {
          peer.data(0, 0, bytes(4096, 1));
          peer.data(NbdConstants.CHUNK_DONE, 0, bytes(4096, 1));
          peer.request();
        },
        NbdProtocolException.class,
        "came before");
  }

  @Test
  void refusesOverlapFromBelow() {
    assertReadFails(
        peer -> {
          peer.data(0, 4096, bytes(4096, 1));
          peer.data(NbdConstants.CHUNK_DONE, 2048, bytes(4096, 1));
          peer.request();
        },
        NbdProtocolException.class,
        "came before");
  }

  @Test
  void refusesReadThatIsDoneWithoutItsData() {
    assertReadFails(
        peer -> {
          peer.data(0, 0, bytes(4096, 1));
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_NONE, 0);
          peer.request();
        },
        NbdProtocolException.class,
        "misses");
  }

  @Test
  void refusesDataOutsideTheRequest() {
    assertReadFails(
        peer -> {
          peer.data(NbdConstants.CHUNK_DONE, 4096, bytes(LENGTH, 1));
          peer.request();
        },
        NbdProtocolException.class,
        "asked for");
  }

  @Test
  void refusesHoleBeyondTheRequest() {
    assertReadFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_OFFSET_HOLE, 12);
          peer.out.writeLong(0);
          peer.out.writeInt(-1);
          peer.request();
        },
        NbdProtocolException.class,
        "asked for");
  }

  @Test
  void refusesAnswerToAnotherRequest() {
    assertReadFails(
        peer -> {
          peer.lastCookie += 1;
          peer.data(NbdConstants.CHUNK_DONE, 0, bytes(LENGTH, 1));
          peer.request();
        },
        NbdProtocolException.class,
        "not sent");
  }

  @Test
  void refusesUnknownMagic() {
    assertReadFails(
        peer -> {
          peer.out.write(bytes(64, 0x55));
          peer.request();
        },
        NbdProtocolException.class,
        "0x55555555");
  }

  @Test
  void refusesChunkOfAbsurdLength() {
    assertReadFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_OFFSET_DATA, -1);
          peer.request();
        },
        NbdProtocolException.class,
        "4294967295");
  }

  @Test
  void refusesUnknownChunk() {
    assertReadFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, 77, 0);
          peer.request();
        },
        NbdProtocolException.class,
        "77");
  }

  @Test
  void refusesSimpleReplyWithData() {
    assertReadFails(
        peer -> {
          peer.out.writeInt(NbdConstants.SIMPLE_REPLY_MAGIC);
          peer.out.writeInt(0);
          peer.out.writeLong(peer.lastCookie);
          peer.out.write(bytes(LENGTH, 1));
          peer.request();
        },
        NbdProtocolException.class,
        "simple");
  }

  @Test
  void serverThatHangsUpWithinDataIsNamed() {
    assertReadFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_OFFSET_DATA, 8 + LENGTH);
          peer.out.writeLong(0);
          peer.out.write(bytes(100, 1));
        },
        NbdException.class,
        "ended the connection");
  }

  @Test
  void serverThatStallsWithinDataIsGivenUp() {
    assertReadFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_OFFSET_DATA, 8 + LENGTH);
          peer.out.writeLong(0);
          peer.out.write(bytes(100, 1));
          peer.in.read();
        },
        NbdException.class,
        "stopped answering");
  }

  @Test
  void idleServerIsNotGivenUp() throws Exception {
    try (ScriptedServer server =
            server(peer -> {
              peer.data(NbdConstants.CHUNK_DONE, 0, bytes(LENGTH, 1));
              peer.request();
            });
        NbdConnection connection = NbdConnection.open(server.uri(), List.of(), STALL)) {
      Thread.sleep(3 * STALL.toMillis());
      ByteBuffer target = ByteBuffer.allocateDirect(LENGTH);

      connection.read(0, target).join();

      assertThat(target.get(LENGTH - 1)).isEqualTo((byte) 1);
    }
  }

  @Test
  void errorOfOneRequestLeavesTheConnectionUsable() throws IOException {
    try (ScriptedServer server =
            server(peer -> {
              byte[] text = "bad sector".getBytes(StandardCharsets.UTF_8);
              peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_ERROR, 6 + text.length);
              peer.out.writeInt(5);
              peer.out.writeShort(text.length);
              peer.out.write(text);
              peer.request();
              peer.data(NbdConstants.CHUNK_DONE, 0, bytes(LENGTH, 1));
              peer.request();
            });
        NbdConnection connection = NbdConnection.open(server.uri(), List.of(), STALL)) {
      ByteBuffer target = ByteBuffer.allocateDirect(LENGTH);
      CompletableFuture<Void> first = connection.read(0, target);

      assertThatThrownBy(first::join).hasMessageContainingAll("EIO", "bad sector");
      connection.read(0, target).join();
    }
  }

  @Test
  void failedReadGivesItsMemoryBack() throws IOException {
    try (ScriptedServer server =
            server(peer -> {
              for (int i = 0; i < 5; i++) {
                peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_ERROR, 6);
                peer.out.writeInt(5);
                peer.out.writeShort(0);
                peer.request();
              }
            });
        NbdReader reader = NbdReader.open(server.uri(), 1, 2)) {
      for (int i = 0; i < 5; i++) {
        CompletableFuture<Block> read = reader.read(List.of(new ByteRange(0, LENGTH)));

        assertThatThrownBy(read::join).hasMessageContaining("EIO");
      }
    }
  }

  private List<String> allocated(Script answer) throws IOException {
    List<String> extents = new ArrayList<>();
    try (ScriptedServer server = server(answer);
        NbdConnection connection =
            NbdConnection.open(server.uri(), List.of(NbdExtents.ALLOCATION), STALL)) {
      NbdExtents.allocated(
          connection, (at, length, kind) -> extents.add(kind + "@" + at + "+" + length));
    }
    return extents;
  }

  private static void status(Peer peer, int context, int... lengthsAndFlags) throws IOException {
    peer.chunk(
        NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_BLOCK_STATUS, 4 + 4 * lengthsAndFlags.length);
    peer.out.writeInt(context);
    for (int number : lengthsAndFlags) {
      peer.out.writeInt(number);
    }
  }

  @Test
  void asksAgainBehindShortStatusAndClipsLongOne() throws IOException {
    List<String> extents =
        allocated(peer -> {
          status(peer, 7, 65536, 3);
          peer.request();
          status(peer, 7, 65536, 0, -65536, 2);
          peer.request();
        });

    assertThat(extents)
        .containsExactly(
            ExtentKind.ZERO + "@0+65536",
            ExtentKind.DATA + "@65536+65536",
            ExtentKind.ZERO + "@131072+" + (ScriptedServer.SIZE - 131072));
  }

  /** A hole that does not say that it reads as zeros must be read. */
  @Test
  void holeOfUnknownContentIsData() throws IOException {
    assertThat(
            allocated(peer -> {
              status(peer, 7, (int) ScriptedServer.SIZE, 1);
              peer.request();
            }))
        .containsExactly("DATA@0+" + ScriptedServer.SIZE);
  }

  @Test
  void refusesStatusThatMakesNoProgress() {
    assertStatusFails(peer -> status(peer, 7, 0, 0), "no length");
  }

  @Test
  void refusesStatusOfAnotherContext() {
    assertStatusFails(peer -> status(peer, 8, 65536, 0), "context 8");
  }

  @Test
  void refusesStatusWithoutItsContext() {
    assertStatusFails(
        peer -> peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_NONE, 0), "context");
  }

  @Test
  void refusesStatusOfHalfAnExtent() {
    assertStatusFails(
        peer -> {
          peer.chunk(NbdConstants.CHUNK_DONE, NbdConstants.CHUNK_BLOCK_STATUS, 10);
          peer.out.write(new byte[10]);
        },
        "10 bytes");
  }

  private void assertStatusFails(Script answer, String word) {
    assertThatThrownBy(() ->
            allocated(peer -> {
              answer.run(peer);
              peer.request();
            }))
        .isInstanceOf(NbdProtocolException.class)
        .hasMessageContaining(folder.resolve("s").toString())
        .hasMessageContaining(word);
  }
}
