package dev.backstep.nbd;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one export, many requests in flight. One thread of its own takes the answers.
 * Thread-safe.
 */
public final class NbdConnection implements Closeable {

  /** How long a server may be silent while it owes an answer. */
  public static final Duration STALL_DEFAULT = Duration.ofSeconds(60);

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final NbdUri uri;
  private final Wire wire;
  private final NbdExport export;
  private final Map<Long, Exchange> waiting = new ConcurrentHashMap<>();
  private final AtomicLong cookies = new AtomicLong();
  private volatile @Nullable IOException end;

  private NbdConnection(NbdUri uri, Wire wire, NbdExport export) {
    this.uri = uri;
    this.wire = wire;
    this.export = export;
    wire.owed(false);
    Thread.ofPlatform().daemon().name("nbd-replies").start(this::takeReplies);
  }

  /**
   * Connects and negotiates.
   *
   * @param contexts meta contexts to ask for; {@link NbdExport#grants} tells which were granted
   * @param stall how long the server may be silent while it owes an answer
   * @throws NbdException when the server cannot be reached or refuses
   * @throws NbdProtocolException when it is no NBD server, or a broken one
   */
  public static NbdConnection open(NbdUri uri, List<String> contexts, Duration stall)
      throws IOException {
    Wire wire = connect(uri, stall);
    try {
      NbdHandshake handshake = new NbdHandshake(wire, uri.export());
      handshake.greet();
      boolean structured = handshake.structuredReplies();
      Map<Integer, String> granted =
          structured && !contexts.isEmpty() ? handshake.setContexts(contexts) : Map.of();
      return new NbdConnection(uri, wire, handshake.go(structured, granted));
    } catch (IOException | RuntimeException e) {
      wire.close();
      throw NegotiationFailure.of(uri, wire, e);
    }
  }

  /**
   * Asks a server which meta contexts of an export match a query, such as {@code
   * qemu:dirty-bitmap:}; empty when it has none or cannot tell.
   */
  public static List<String> listContexts(NbdUri uri, String query, Duration stall)
      throws IOException {
    Wire wire = connect(uri, stall);
    try (wire) {
      NbdHandshake handshake = new NbdHandshake(wire, uri.export());
      handshake.greet();
      List<String> names =
          handshake.structuredReplies() ? handshake.listContexts(query) : List.of();
      handshake.abort();
      return names;
    } catch (IOException | RuntimeException e) {
      throw NegotiationFailure.of(uri, wire, e);
    }
  }

  private static Wire connect(NbdUri uri, Duration stall) throws NbdException {
    try {
      return Wire.connect(uri.address(), stall);
    } catch (IOException | RuntimeException e) {
      throw new NbdException(
          NbdException.Kind.UNREACHABLE,
          uri
              + ": connect: "
              + e.getMessage()
              + "; is the server running, and is that its address?",
          e);
    }
  }

  NbdUri uri() {
    return uri;
  }

  public NbdExport export() {
    return export;
  }

  /**
   * Reads into a buffer, from its position to its limit.
   *
   * @param offset first byte, inside the export, a multiple of its smallest block
   * @param target untouched by the caller until the future is done; at most the export's payload
   * @return done when every byte is there; fails with an {@link IOException} otherwise
   */
  public CompletableFuture<Void> read(long offset, ByteBuffer target) throws IOException {
    Exchange.Read read = new Exchange.Read(offset, target);
    send(NbdConstants.CMD_READ, offset, target.remaining(), read);
    return read.result;
  }

  CompletableFuture<Map<Integer, List<Exchange.Status.Extent>>> blockStatus(
      long offset, long length) throws IOException {
    Exchange.Status status = new Exchange.Status();
    send(NbdConstants.CMD_BLOCK_STATUS, offset, (int) length, status);
    return status.result;
  }

  /**
   * Writes from a buffer, from its position to its limit.
   *
   * @param offset first byte, inside the export, a multiple of its smallest block, as is the length
   * @param payload untouched by the caller until the future is done; at most the export's payload
   * @return done when the server has taken it; fails with an {@link IOException} otherwise
   */
  public CompletableFuture<Void> write(long offset, ByteBuffer payload) throws IOException {
    Exchange.Order order = new Exchange.Order(payload.duplicate());
    send(NbdConstants.CMD_WRITE, offset, payload.remaining(), order);
    return order.result;
  }

  /**
   * Makes a range read as zeros; the server may make it a hole.
   *
   * @param length bytes, a multiple of the smallest block, below 4 GiB
   */
  public CompletableFuture<Void> writeZeros(long offset, long length) throws IOException {
    Exchange.Order order = new Exchange.Order(NOTHING);
    send(NbdConstants.CMD_WRITE_ZEROES, offset, (int) length, order);
    return order.result;
  }

  /** Makes everything that was answered before durable. */
  public CompletableFuture<Void> flush() throws IOException {
    Exchange.Order order = new Exchange.Order(NOTHING);
    send(NbdConstants.CMD_FLUSH, 0, 0, order);
    return order.result;
  }

  private void send(int command, long offset, int length, Exchange exchange) throws IOException {
    long cookie = cookies.incrementAndGet();
    waiting.put(cookie, exchange);
    wire.owed(true);
    IOException ended = end;
    if (ended != null) {
      waiting.remove(cookie);
      throw new NbdException(NbdException.Kind.LOST, String.valueOf(ended.getMessage()), ended);
    }
    ByteBuffer request = ByteBuffer.allocate(28).putInt(NbdConstants.REQUEST_MAGIC);
    request.putShort((short) 0).putShort((short) command).putLong(cookie);
    request.putLong(offset).putInt(length);
    try {
      wire.write(request.flip(), exchange.payload);
    } catch (IOException e) {
      // The reply thread fails all requests: it alone knows when it touches no buffer any more.
      endedBy(lost("request: " + e.getMessage(), e));
      wire.close();
    }
  }

  private void takeReplies() {
    try {
      while (true) {
        takeReply(wire.read(16));
        // In this order: a request that is sent in between says itself that an answer is owed.
        wire.owed(false);
        if (!waiting.isEmpty()) {
          wire.owed(true);
        }
      }
    } catch (EOFException | ClosedChannelException e) {
      fail(
          lost(
              wire.isStalled()
                  ? "reply: the server stopped answering"
                  : "reply: the server ended the connection",
              e));
    } catch (NbdProtocolException e) {
      fail(e.by(uri));
    } catch (IOException | RuntimeException e) {
      fail(lost("reply: " + e.getMessage(), e));
    }
  }

  private void takeReply(ByteBuffer head) throws IOException {
    int magic = head.getInt();
    if (magic == NbdConstants.SIMPLE_REPLY_MAGIC) {
      int error = head.getInt();
      takeSimple(error, head.getLong());
    } else if (magic == NbdConstants.STRUCTURED_REPLY_MAGIC && export.structured()) {
      int flags = head.getShort();
      int type = head.getShort() & 0xffff;
      takeChunk(flags, type, head.getLong());
    } else {
      throw new NbdProtocolException(
          "reply: magic 0x" + Integer.toHexString(magic) + " is that of no reply");
    }
  }

  private Exchange exchange(long cookie) throws NbdProtocolException {
    Exchange exchange = waiting.get(cookie);
    if (exchange == null) {
      throw new NbdProtocolException(
          "reply: to request " + cookie + ", which was not sent or is answered already");
    }
    return exchange;
  }

  private void takeSimple(int error, long cookie) throws IOException {
    Exchange exchange = exchange(cookie);
    if (error != 0) {
      exchange.error = serverError(error, "");
    } else if (exchange instanceof Exchange.Read read && !export.structured()) {
      wire.read(read.part(read.offset, read.length));
    } else if (!(exchange instanceof Exchange.Order)) {
      throw new NbdProtocolException("reply: a simple reply where structured ones were agreed");
    }
    done(cookie, exchange);
  }

  private void takeChunk(int flags, int type, long cookie) throws IOException {
    Exchange exchange = exchange(cookie);
    int length = wire.read(4).getInt();
    if (length < 0
        || length > Math.max(NbdConstants.CHUNK_BYTES_MAX, export.payloadBytesMax() + 8)) {
      throw new NbdProtocolException(
          "reply: a chunk of " + Integer.toUnsignedString(length) + " bytes is too long");
    }
    switch (type) {
      case NbdConstants.CHUNK_NONE -> requireLength("an empty chunk", length, length == 0);
      case NbdConstants.CHUNK_OFFSET_DATA -> {
        requireLength("data", length, length > 8);
        long at = wire.read(8).getLong();
        wire.read(read(exchange).part(at, length - 8));
      }
      case NbdConstants.CHUNK_OFFSET_HOLE -> {
        requireLength("a hole", length, length == 12);
        ByteBuffer hole = wire.read(12);
        long at = hole.getLong();
        ByteBuffer part = read(exchange).part(at, hole.getInt() & 0xffffffffL);
        java.lang.foreign.MemorySegment.ofBuffer(part).fill((byte) 0);
      }
      case NbdConstants.CHUNK_BLOCK_STATUS -> {
        requireLength("a block status", length, length >= 12 && length % 8 == 4);
        ByteBuffer chunk = wire.read(length);
        status(exchange).add(knownContext(chunk.getInt()), chunk);
      }
      default -> takeErrorChunk(type, length, exchange);
    }
    if ((flags & NbdConstants.CHUNK_DONE) != 0) {
      done(cookie, exchange);
    }
  }

  private void takeErrorChunk(int type, int length, Exchange exchange) throws IOException {
    if ((type & NbdConstants.CHUNK_ERROR_BIT) == 0) {
      throw new NbdProtocolException("reply: chunk type " + type + " is not known");
    }
    ByteBuffer chunk = wire.read(length);
    if (length < 6 || (chunk.getShort(4) & 0xffff) > length - 6) {
      throw new NbdProtocolException("reply: an error of " + length + " bytes is too short");
    }
    int error = chunk.getInt();
    int count = Math.min(chunk.getShort() & 0xffff, 300);
    String text = StandardCharsets.UTF_8.decode(chunk.slice(6, count)).toString();
    if (exchange.error == null) {
      exchange.error = serverError(error, text.isBlank() ? "" : ": " + text.strip());
    }
  }

  private NbdException serverError(int error, String text) {
    String name =
        switch (error) {
          case 1 -> "EPERM";
          case 5 -> "EIO";
          case 12 -> "ENOMEM";
          case 22 -> "EINVAL";
          case 28 -> "ENOSPC";
          case 75 -> "EOVERFLOW";
          case 95 -> "ENOTSUP";
          case 108 -> "ESHUTDOWN";
          default -> "error " + Integer.toUnsignedString(error);
        };
    return new NbdException(
        NbdException.Kind.SERVER_ERROR, uri + ": the server answers a request with " + name + text);
  }

  private int knownContext(int id) throws NbdProtocolException {
    if (!export.contexts().containsKey(id)) {
      throw new NbdProtocolException(
          "reply: block status of context " + id + ", which was not negotiated");
    }
    return id;
  }

  private Exchange.Read read(Exchange exchange) throws NbdProtocolException {
    if (exchange instanceof Exchange.Read read) {
      return read;
    }
    throw new NbdProtocolException("reply: data for a request that is no read");
  }

  private Exchange.Status status(Exchange exchange) throws NbdProtocolException {
    if (exchange instanceof Exchange.Status status) {
      return status;
    }
    throw new NbdProtocolException("reply: block status for a request that is none");
  }

  private void requireLength(String what, int length, boolean right) throws NbdProtocolException {
    if (!right) {
      throw new NbdProtocolException(
          "reply: " + what + " in a chunk of " + length + " bytes, which cannot be");
    }
  }

  private void done(long cookie, Exchange exchange) throws NbdProtocolException {
    if (exchange.error == null && exchange instanceof Exchange.Read read && !read.isFilled()) {
      throw new NbdProtocolException(
          "reply: the server calls a read done that misses some of its data");
    }
    waiting.remove(cookie);
    if (exchange.error != null) {
      exchange.fail(exchange.error);
    } else {
      exchange.succeed();
    }
  }

  private NbdException lost(String what, Exception cause) {
    return new NbdException(NbdException.Kind.LOST, uri + ": " + what, cause);
  }

  /** Keeps the first reason only: what comes behind it is its consequence. */
  private synchronized IOException endedBy(IOException reason) {
    IOException first = end;
    if (first == null) {
      first = reason;
      end = reason;
    }
    return first;
  }

  /** Ends everything; by the reply thread only, which from here on touches no buffer. */
  private void fail(IOException failure) {
    IOException reason = endedBy(failure);
    wire.close();
    for (Long cookie : List.copyOf(waiting.keySet())) {
      Exchange exchange = waiting.remove(cookie);
      if (exchange != null) {
        exchange.fail(reason);
      }
    }
  }

  /** Says goodbye and ends the connection; requests still waiting fail. */
  @Override
  public void close() {
    if (end == null) {
      endedBy(new NbdException(NbdException.Kind.LOST, uri + ": the connection was closed here"));
      ByteBuffer goodbye = ByteBuffer.allocate(28).putInt(NbdConstants.REQUEST_MAGIC);
      goodbye.putShort((short) 0).putShort((short) NbdConstants.CMD_DISC).putLong(0);
      goodbye.putLong(0).putInt(0);
      try {
        wire.write(goodbye.flip());
      } catch (IOException e) {
        wire.owed(false); // nobody is there to say goodbye to
      }
    }
    wire.close();
  }
}
