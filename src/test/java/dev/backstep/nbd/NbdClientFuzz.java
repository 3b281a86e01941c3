package dev.backstep.nbd;

import dev.backstep.blockio.Block;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;

/** What a server sends to our client, all at once; the client reads, writes and asks. */
public final class NbdClientFuzz {

  private static final FuzzSockets SOCKETS = FuzzSockets.open();
  private static final Duration STALL = Duration.ofMillis(100);
  private static final int BYTES = 4096;

  private NbdClientFuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    SOCKETS.answer(input);
    try (NbdConnection connection =
        NbdConnection.open(SOCKETS.uri(), List.of(NbdExtents.ALLOCATION), STALL)) {
      use(connection);
    } catch (IOException e) {
      return; // refused
    } catch (CompletionException e) {
      if (!(e.getCause() instanceof IOException)) {
        throw e;
      }
    }
  }

  private static void use(NbdConnection connection) throws IOException {
    NbdExport export = connection.export();
    int length = (int) Math.min(BYTES, export.sizeBytes());
    if (length % export.blockBytesMin() != 0 || length == 0) {
      return;
    }
    if (export.grants(NbdExtents.ALLOCATION)) {
      NbdExtents.allocated(
          connection,
          (offset, extent, kind) -> {
            if (offset < 0 || extent < 1 || extent > export.sizeBytes() - offset) {
              throw new AssertionError("extent " + offset + " + " + extent);
            }
          });
    }
    try (NbdReader reader = NbdReader.by(connection, 2)) {
      try (Block block = reader.read(List.of(new ByteRange(0, length))).join()) {
        if (block.bytes(0).remaining() != length) {
          throw new AssertionError("a block of another length");
        }
      }
      if (!export.readOnly()) {
        connection.write(0, ByteBuffer.allocate(length)).join();
        connection.flush().join();
      }
    }
  }
}
