package dev.backstep.nbd;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * A socket that is read by one thread and written by others, one at a time. A watch closes it when
 * an answer is owed and no byte has come for too long: threads are never interrupted.
 */
final class Wire implements Closeable {

  private static final ScheduledExecutorService WATCH =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("nbd-watch").factory());

  private final SocketChannel channel;
  private final long stallNanos;
  private final ScheduledFuture<?> watch;
  private volatile long lastProgress = System.nanoTime();
  private volatile boolean answerOwed = true;
  private volatile boolean stalled;

  private Wire(SocketChannel channel, Duration stall) {
    this.channel = channel;
    this.stallNanos = stall.toNanos();
    long period = Math.max(10, Math.min(1000, stall.toMillis() / 4));
    this.watch = WATCH.scheduleWithFixedDelay(this::look, period, period, TimeUnit.MILLISECONDS);
  }

  static Wire connect(SocketAddress address, Duration stall) throws IOException {
    boolean unix = address instanceof UnixDomainSocketAddress;
    SocketChannel channel =
        unix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
    Wire wire = new Wire(channel, stall);
    try {
      channel.connect(address);
      if (!unix) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      return wire;
    } catch (IOException | RuntimeException e) {
      wire.close();
      throw e instanceof IOException io ? io : new IOException(e);
    }
  }

  private void look() {
    if (answerOwed && System.nanoTime() - lastProgress > stallNanos) {
      stalled = true;
      close();
    }
  }

  /** Whether the other side owes an answer: only then silence is a fault. */
  void owed(boolean owed) {
    if (owed && !answerOwed) {
      lastProgress = System.nanoTime();
    }
    answerOwed = owed;
  }

  /** Whether the watch has closed the socket. */
  boolean isStalled() {
    return stalled;
  }

  /** Fills a buffer from its position to its limit. */
  void read(ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        throw new EOFException("the connection ended");
      }
      lastProgress = System.nanoTime();
    }
  }

  ByteBuffer read(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    read(bytes);
    return bytes.flip();
  }

  synchronized void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Writes two buffers, with nothing of others between them. */
  synchronized void write(ByteBuffer head, ByteBuffer payload) throws IOException {
    ByteBuffer[] both = {head, payload};
    while (head.hasRemaining() || payload.hasRemaining()) {
      channel.write(both);
    }
  }

  @Override
  public void close() {
    watch.cancel(false);
    try {
      channel.close();
    } catch (IOException e) {
      answerOwed = false; // a socket that cannot be closed is as gone as one that was
    }
  }
}
