package dev.backstep.nbd;

import dev.backstep.testing.TemporaryHome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A peer that sends what it is told and takes all that it is sent. For one user at a time. */
final class FuzzSockets {

  private final ServerSocketChannel listener;
  private final Path socket;
  private final BlockingQueue<Runnable> peer = new LinkedBlockingQueue<>();

  private FuzzSockets(ServerSocketChannel listener, Path socket) {
    this.listener = listener;
    this.socket = socket;
    Thread.ofPlatform().daemon().name("fuzz-peer").start(this::work);
  }

  static FuzzSockets open() {
    try {
      Path socket = TemporaryHome.make().resolve("s");
      ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      listener.bind(UnixDomainSocketAddress.of(socket));
      return new FuzzSockets(listener, socket);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void work() {
    try {
      while (true) {
        peer.take().run();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  NbdUri uri() {
    return NbdUri.unix(socket, "");
  }

  /** The server's end of a connection whose client sends these bytes. */
  SocketChannel accept(byte[] bytes) throws IOException {
    peer.add(() -> {
      try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
        talk(client, bytes);
      } catch (IOException e) {
        return; // our side has ended it
      }
    });
    return listener.accept();
  }

  /**
   * The next client is sent messages, each with its length in two bytes in front: the first at
   * once, another with each request. Behind the last one nothing comes any more.
   */
  void answer(byte[] messages) {
    peer.add(() -> {
      try (SocketChannel server = listener.accept()) {
        answer(server, ByteBuffer.wrap(messages));
      } catch (IOException e) {
        return; // our side has ended it
      }
    });
  }

  private static void answer(SocketChannel channel, ByteBuffer messages) throws IOException {
    send(channel, messages);
    if (!messages.hasRemaining()) {
      channel.shutdownOutput();
    }
    ByteBuffer taken = ByteBuffer.allocate(1 << 16);
    int last = 0;
    while (channel.read(taken.clear()) >= 0) {
      taken.flip();
      while (taken.hasRemaining()) {
        last = last << 8 | taken.get() & 0xff;
        if (last == NbdConstants.REQUEST_MAGIC) {
          send(channel, messages);
        }
      }
    }
  }

  private static void send(SocketChannel channel, ByteBuffer messages) throws IOException {
    if (messages.remaining() < Short.BYTES) {
      channel.shutdownOutput();
      return;
    }
    int length = Math.min(messages.getShort() & 0xffff, messages.remaining());
    ByteBuffer message = messages.slice(messages.position(), length);
    messages.position(messages.position() + length);
    while (message.hasRemaining()) {
      channel.write(message);
    }
  }

  private static void talk(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(bytes);
    while (all.hasRemaining()) {
      channel.write(all);
    }
    channel.shutdownOutput();
    ByteBuffer taken = ByteBuffer.allocate(1 << 16);
    while (channel.read(taken.clear()) >= 0) {}
  }
}
