package dev.backstep.nbd;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Map;

/** What a client sends to our server, all at once. */
public final class NbdServerFuzz {

  private static final FuzzSockets SOCKETS = FuzzSockets.open();

  private NbdServerFuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    try (SocketChannel server = SOCKETS.accept(input)) {
      ServedConnection connection = new ServedConnection(server);
      Map<String, ServedDisk> disks = Map.of("", new Disk(), "w", new Written());
      if (new ServerHandshake(connection, disks).run()) {
        connection.transmit();
      }
    } catch (IOException e) {
      return; // refused
    }
  }

  /** A disk of which each half is told to be something else; it checks what it is asked. */
  private static class Disk implements ServedDisk {

    static final long SIZE = 1 << 20;

    @Override
    public long sizeBytes() {
      return SIZE;
    }

    static void inside(long offset, long length) {
      if (offset < 0 || length < 1 || length > SIZE - offset) {
        throw new AssertionError("asked for " + length + " bytes at " + offset);
      }
    }

    @Override
    public void parts(long offset, long length, PartVisitor visitor) throws IOException {
      inside(offset, length);
      long zeros = Math.min(length, 1000);
      visitor.zeros(zeros);
      if (length > zeros) {
        visitor.bytes(ByteBuffer.allocate((int) (length - zeros)));
      }
    }

    @Override
    public void allocated(long offset, long length, ExtentVisitor visitor) {
      inside(offset, length);
      visitor.extent(offset, length, ExtentKind.DATA);
    }
  }

  /** The same, which may also be written to. */
  private static final class Written extends Disk implements WritableDisk {

    @Override
    public void write(long offset, ByteBuffer bytes) {
      inside(offset, bytes.remaining());
    }

    @Override
    public void zero(long offset, long length) {
      inside(offset, length);
    }

    @Override
    public void flush() {}
  }
}
