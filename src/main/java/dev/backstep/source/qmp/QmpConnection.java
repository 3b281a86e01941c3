package dev.backstep.source.qmp;

import dev.backstep.source.SourceException;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A client of a QEMU's monitor (QEMU, {@code docs/interop/qmp-spec.rst}): JSON objects, a line
 * each. QEMU greets, is told {@code qmp_capabilities}, and then answers commands in their order;
 * between answers it tells events. A monitor serves one client at a time, so a connection is kept
 * no longer than it is used. Not thread-safe.
 */
final class QmpConnection implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(QmpConnection.class);

  /** Longest line taken: what is told of some ten thousand nodes. */
  private static final int LINE_BYTES_MAX = 64 << 20;

  private static final int BUFFER_BYTES = 1 << 16;
  private static final int NEWLINE = '\n';
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path socket;
  private final Duration limit;
  private final SocketChannel channel;
  private final Selector selector;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private String version = "";
  private long commands;

  private QmpConnection(Path socket, Duration limit, SocketChannel channel, Selector selector) {
    this.socket = socket;
    this.limit = limit;
    this.channel = channel;
    this.selector = selector;
  }

  /**
   * Connects and negotiates. The caller closes it.
   *
   * @param limit how long QEMU may take for the greeting, and for each answer
   */
  static QmpConnection open(Path socket, Duration limit) throws SourceException {
    QmpConnection connection = connect(socket, limit);
    try {
      JsonNode greeting = connection.message(System.nanoTime() + limit.toNanos(), "greeting");
      JsonNode qemu = greeting.path("QMP").path("version").path("qemu");
      if (!qemu.isObject()) {
        throw connection.notQmp("its first words are " + shortened(greeting.toString()));
      }
      connection.version = qemu.path("major").asInt(0) + "." + qemu.path("minor").asInt(0);
      connection.execute("qmp_capabilities", Map.of());
      return connection;
    } catch (SourceException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  private static QmpConnection connect(Path socket, Duration limit) throws SourceException {
    SocketChannel channel;
    try {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      throw notConnected(socket, e);
    }
    try {
      channel.configureBlocking(false);
      return new QmpConnection(socket, limit, channel, Selector.open());
    } catch (IOException e) {
      close(channel);
      throw notConnected(socket, e);
    }
  }

  private static SourceException notConnected(Path socket, IOException e) {
    String said = String.valueOf(e.getMessage());
    boolean absent = !Files.exists(socket) || said.contains("refused");
    return absent
        ? new QmpException(
            QmpException.Why.ABSENT,
            socket
                + ": nobody listens there; is the VM running, and was its QEMU started with -qmp"
                + " unix:"
                + socket
                + ",server=on,wait=off?",
            e)
        : new SourceException(
            SourceException.Kind.FAILED,
            socket + ": " + said + "; run as the user that QEMU runs as, or as root",
            e);
  }

  /** Version of QEMU, such as {@code 7.2}. */
  String version() {
    return version;
  }

  /**
   * Runs a command and returns what it gives.
   *
   * @throws QmpException REFUSED with QEMU's own words when it answers with an error
   */
  JsonNode execute(String command, Map<String, ?> arguments) throws SourceException {
    long id = ++commands;
    Map<String, Object> words = new LinkedHashMap<>();
    words.put("execute", command);
    if (!arguments.isEmpty()) {
      words.put("arguments", arguments);
    }
    words.put("id", id);
    long deadline = System.nanoTime() + limit.toNanos();
    send(JSON.writeValueAsString(words) + "\n", deadline, command);
    while (true) {
      JsonNode message = message(deadline, command);
      boolean answer = message.path("id").asLong(-1) == id;
      if (message.has("error") && (answer || !message.has("id"))) {
        String said = message.path("error").path("desc").asString("no reason");
        throw new QmpException(
            QmpException.Why.REFUSED, "QEMU at " + socket + " refuses " + command + ": " + said);
      }
      if (answer) {
        return message.path("return");
      }
      // Events, and answers to what nobody waits for any more.
    }
  }

  /** Waits until QEMU tells an event, whichever, or the time is over. */
  void awaitEvent(Duration most) throws SourceException {
    long deadline = System.nanoTime() + most.toNanos();
    try {
      message(deadline, "event");
    } catch (QmpException e) {
      if (e.why() != QmpException.Why.SILENT) {
        throw e;
      }
    }
  }

  private void send(String text, long deadline, String command) throws SourceException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    try {
      channel.write(bytes);
      while (bytes.hasRemaining()) {
        await(SelectionKey.OP_WRITE, deadline, command);
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw told(e);
    }
  }

  private JsonNode message(long deadline, String what) throws SourceException {
    try {
      while (true) {
        while (buffer.hasRemaining()) {
          byte one = buffer.get();
          if (one == NEWLINE) {
            return parsed();
          }
          line.write(one);
          if (line.size() > LINE_BYTES_MAX) {
            throw notQmp("a line of more than " + LINE_BYTES_MAX + " bytes");
          }
        }
        await(SelectionKey.OP_READ, deadline, what);
        buffer.clear();
        int count = channel.read(buffer);
        buffer.flip();
        if (count < 0) {
          throw new QmpException(
              QmpException.Why.LOST,
              socket + ": QEMU closed the connection, waited for: " + what + "; did the VM end?");
        }
      }
    } catch (IOException e) {
      throw told(e);
    }
  }

  private JsonNode parsed() throws SourceException {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    try {
      return JSON.readTree(text);
    } catch (JacksonException e) {
      throw notQmp(shortened(text));
    }
  }

  private static String shortened(String text) {
    return text.length() > 200 ? text.substring(0, 200) + "..." : text;
  }

  private QmpException notQmp(String found) {
    return new QmpException(
        QmpException.Why.PROTOCOL,
        socket + ": " + found + "; expected QMP, so name the socket of QEMU's option -qmp");
  }

  private SourceException told(IOException e) {
    return e instanceof SourceException known
        ? known
        : new QmpException(QmpException.Why.LOST, socket + ": " + e.getMessage(), e);
  }

  private void await(int operation, long deadline, String what) throws IOException {
    channel.register(selector, operation);
    long millis = (deadline - System.nanoTime()) / 1_000_000;
    if (millis <= 0 || selector.select(millis) == 0) {
      throw new QmpException(
          QmpException.Why.SILENT,
          socket
              + ": QEMU said nothing in time, waited for: "
              + what
              + "; a monitor serves one client at a time, so give this program a -qmp socket of"
              + " its own");
    }
    selector.selectedKeys().clear();
  }

  @Override
  public void close() {
    close(selector);
    close(channel);
  }

  private static void close(Closeable one) {
    try {
      one.close();
    } catch (IOException e) {
      log.debug("a connection to QEMU is not closed: {}", e.getMessage());
    }
  }
}
