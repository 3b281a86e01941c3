package dev.backstep.nbd;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Where an export is: {@code nbd://host[:port]/export} or {@code nbd+unix:///export?socket=path}
 * (NBD project, {@code doc/uri.md}).
 *
 * @param export the export's name; empty for the server's default
 * @param host TCP host; empty for a unix socket
 * @param socket unix socket; empty for TCP
 */
public record NbdUri(String export, Optional<String> host, int port, Optional<Path> socket) {

  private static final int PORT_DEFAULT = 10809;

  /** Longest export name, in bytes ("Values: strings" of the protocol). */
  private static final int NAME_BYTES_MAX = 4096;

  public NbdUri {
    if (export.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX) {
      throw new IllegalArgumentException(
          "export name of more than "
              + NAME_BYTES_MAX
              + " bytes, which the protocol does not allow");
    }
  }

  /** An export behind a unix socket. */
  public static NbdUri unix(Path socket, String export) {
    return new NbdUri(export, Optional.empty(), 0, Optional.of(socket));
  }

  /** An export of a server that listens there. */
  public static NbdUri of(SocketAddress address, String export) {
    return address instanceof InetSocketAddress tcp
        ? new NbdUri(
            export, Optional.of(tcp.getAddress().getHostAddress()), tcp.getPort(), Optional.empty())
        : unix(((UnixDomainSocketAddress) address).getPath(), export);
  }

  /**
   * @throws IllegalArgumentException when the text is no NBD URI that is supported, saying why
   */
  public static NbdUri parse(String text) {
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("'" + text + "' is not a URI: " + e.getReason(), e);
    }
    String path = uri.getPath() == null ? "" : uri.getPath();
    String export = path.startsWith("/") ? path.substring(1) : path;
    return switch (String.valueOf(uri.getScheme())) {
      case "nbd" -> tcp(text, uri, export);
      case "nbd+unix" -> unix(socket(text, uri), export);
      case "nbds", "nbds+unix" ->
          throw new IllegalArgumentException(
              "'"
                  + text
                  + "': TLS is not supported; use nbd:// through a protected network or nbd+unix:");
      default ->
          throw new IllegalArgumentException(
              "'"
                  + text
                  + "': expected nbd://host[:port]/export or nbd+unix:///export?socket=PATH");
    };
  }

  private static NbdUri tcp(String text, URI uri, String export) {
    if (uri.getHost() == null) {
      throw new IllegalArgumentException("'" + text + "' names no host: nbd://host[:port]/export");
    }
    int port = uri.getPort() < 0 ? PORT_DEFAULT : uri.getPort();
    return new NbdUri(export, Optional.of(uri.getHost()), port, Optional.empty());
  }

  private static Path socket(String text, URI uri) {
    String query = uri.getRawQuery() == null ? "" : uri.getRawQuery();
    for (String part : query.split("&")) {
      if (part.startsWith("socket=") && part.length() > "socket=".length()) {
        String encoded = part.substring("socket=".length()).replace("+", "%2B");
        return Path.of(URLDecoder.decode(encoded, StandardCharsets.UTF_8));
      }
    }
    throw new IllegalArgumentException(
        "'" + text + "' names no socket: nbd+unix:///export?socket=PATH");
  }

  SocketAddress address() {
    return socket.isPresent()
        ? UnixDomainSocketAddress.of(socket.get())
        : new InetSocketAddress(host.orElseThrow(), port);
  }

  /** The URI, as {@link #parse} takes it. */
  public String text() {
    return socket
        .map(path -> "nbd+unix:///" + encoded(export) + "?socket=" + encoded(path.toString()))
        .orElseGet(() -> "nbd://" + host.orElse("") + ":" + port + "/" + encoded(export));
  }

  private static String encoded(String text) {
    StringBuilder encoded = new StringBuilder();
    for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
      char character = (char) (one & 0xff);
      if (character < 128
          && (Character.isLetterOrDigit(character) || "-._~/".indexOf(character) >= 0)) {
        encoded.append(character);
      } else {
        encoded.append(String.format(Locale.ROOT, "%%%02X", one & 0xff));
      }
    }
    return encoded.toString();
  }

  /** For messages. */
  @Override
  public String toString() {
    return socket
        .map(path -> "nbd+unix:///" + export + "?socket=" + path)
        .orElseGet(() -> "nbd://" + host.orElse("") + ":" + port + "/" + export);
  }
}
