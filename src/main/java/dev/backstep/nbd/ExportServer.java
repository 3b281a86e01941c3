package dev.backstep.nbd;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * An NBD server (fixed newstyle, structured replies, {@code base:allocation}) for a set of disks,
 * on a unix socket or a port of this machine's loopback address. One thread a connection.
 * Thread-safe.
 */
public final class ExportServer implements Closeable {

  /** More are turned away: each costs a thread. */
  private static final int CONNECTIONS_MAX = 64;

  private final ServerSocketChannel listener;
  private final Map<String, ServedDisk> disks;
  private final Consumer<String> log;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final Set<Thread> threads = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  private ExportServer(
      ServerSocketChannel listener, Map<String, ServedDisk> disks, Consumer<String> log) {
    this.listener = listener;
    this.disks = Map.copyOf(disks);
    this.log = log;
  }

  /**
   * Listens on a unix socket that only this user may open.
   *
   * @param socket a path where nothing is yet; removed when the server is closed
   * @param disks by export name; the empty name is what clients get that ask for none
   * @param log is told of connections that end with an error
   */
  public static ExportServer unix(Path socket, Map<String, ServedDisk> disks, Consumer<String> log)
      throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.bind(UnixDomainSocketAddress.of(socket));
      Files.setPosixFilePermissions(
          socket, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    return started(channel, disks, log);
  }

  /**
   * Listens on the loopback address.
   *
   * @param port 0 for any that is free
   */
  public static ExportServer loopback(
      InetSocketAddress address, Map<String, ServedDisk> disks, Consumer<String> log)
      throws IOException {
    if (address.isUnresolved() || !address.getAddress().isLoopbackAddress()) {
      throw new IllegalArgumentException(
          address + " is not of this machine alone, and the protocol asks for no password");
    }
    ServerSocketChannel channel = ServerSocketChannel.open();
    try {
      channel.bind(address);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
    return started(channel, disks, log);
  }

  private static ExportServer started(
      ServerSocketChannel channel, Map<String, ServedDisk> disks, Consumer<String> log) {
    ExportServer server = new ExportServer(channel, disks, log);
    Thread.ofPlatform().daemon().name("nbd-listen").start(server::listen);
    return server;
  }

  /** Where it listens. */
  public SocketAddress address() throws IOException {
    return listener.getLocalAddress();
  }

  private void listen() {
    while (!closed) {
      try {
        SocketChannel channel = listener.accept();
        if (open.size() >= CONNECTIONS_MAX) {
          log.accept("a connection was turned away: there are " + CONNECTIONS_MAX);
          channel.close();
          continue;
        }
        open.add(channel);
        threads.add(Thread.ofPlatform().daemon().name("nbd-serve").start(() -> serve(channel)));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        log.accept("accept: " + e.getMessage());
      }
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      if (channel.getLocalAddress() instanceof InetSocketAddress) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      ServedConnection connection = new ServedConnection(channel);
      if (new ServerHandshake(connection, new LinkedHashMap<>(disks)).run()) {
        connection.transmit();
      }
    } catch (ClosedChannelException e) {
      // this side has closed it
    } catch (IOException | RuntimeException e) {
      log.accept("a connection ended: " + e.getMessage());
    } finally {
      open.remove(channel);
      threads.remove(Thread.currentThread());
    }
  }

  /** Ends every connection and waits for their threads: no disk is used afterwards. */
  @Override
  public void close() throws IOException {
    closed = true;
    SocketAddress address = listener.getLocalAddress();
    listener.close();
    if (address instanceof UnixDomainSocketAddress unix) {
      Files.deleteIfExists(unix.getPath());
    }
    for (SocketChannel channel : open) {
      channel.close();
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IOException("interrupted while connections ended", e);
      }
    }
  }
}
