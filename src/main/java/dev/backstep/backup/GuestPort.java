package dev.backstep.backup;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A port of this machine's loopback address that leads to one of a guest. That a connection is
 * taken says nothing, for it is QEMU that takes it; the guest has answered when a byte comes back.
 */
final class GuestPort {

  private static final Duration CONNECT_MAX = Duration.ofSeconds(2);

  /** After so long a server that speaks first has spoken; then it is asked as a web server is. */
  private static final Duration SILENCE = Duration.ofSeconds(1);

  private final InetSocketAddress address;

  GuestPort(int port) {
    this.address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** A port that is free now. */
  static int free() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  boolean answers() {
    try (Socket socket = new Socket()) {
      socket.connect(address, (int) CONNECT_MAX.toMillis());
      socket.setSoTimeout((int) SILENCE.toMillis());
      InputStream in = socket.getInputStream();
      try {
        return in.read() >= 0;
      } catch (SocketTimeoutException e) {
        byte[] question = "GET / HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        socket.getOutputStream().write(question);
        return in.read() >= 0;
      }
    } catch (IOException e) {
      return false; // not yet
    }
  }
}
