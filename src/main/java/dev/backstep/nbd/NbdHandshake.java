package dev.backstep.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Fixed newstyle negotiation: flags, structured replies, meta contexts, GO. Each answer is bounded
 * and checked before it is used.
 */
final class NbdHandshake {

  private final Wire wire;
  private final String export;

  NbdHandshake(Wire wire, String export) {
    this.wire = wire;
    this.export = export;
  }

  private record Reply(int type, ByteBuffer data) {

    boolean isError() {
      return (type & NbdConstants.REP_ERROR) != 0;
    }

    String text() {
      String text = StandardCharsets.UTF_8.decode(data.duplicate()).toString().strip();
      return text.isEmpty() ? "" : ": " + text.substring(0, Math.min(text.length(), 300));
    }
  }

  /** Exchanges greetings. */
  void greet() throws IOException {
    ByteBuffer greeting = wire.read(16);
    long magic = greeting.getLong();
    if (magic != NbdConstants.SERVER_MAGIC) {
      throw new NbdProtocolException(
          "handshake: magic 0x"
              + Long.toHexString(magic)
              + ", expected that of an NBD server; is something else listening there?");
    }
    long style = greeting.getLong();
    if (style == NbdConstants.OLDSTYLE_MAGIC) {
      throw new NbdException(
          NbdException.Kind.REFUSED,
          "handshake: the server speaks the oldstyle protocol, which is not supported");
    }
    if (style != NbdConstants.OPTION_MAGIC) {
      throw new NbdProtocolException(
          "handshake: second magic 0x" + Long.toHexString(style) + ", expected IHAVEOPT");
    }
    int flags = wire.read(2).getShort();
    if ((flags & NbdConstants.FLAG_FIXED_NEWSTYLE) == 0) {
      throw new NbdException(
          NbdException.Kind.REFUSED,
          "handshake: the server does not offer fixed newstyle negotiation, which is needed");
    }
    int answer = NbdConstants.FLAG_FIXED_NEWSTYLE | (flags & NbdConstants.FLAG_NO_ZEROES);
    wire.write(ByteBuffer.allocate(4).putInt(answer).flip());
  }

  /** Asks for structured replies; block status needs them. */
  boolean structuredReplies() throws IOException {
    send(NbdConstants.OPT_STRUCTURED_REPLY, ByteBuffer.allocate(0));
    Reply reply = reply(NbdConstants.OPT_STRUCTURED_REPLY);
    if (reply.isError()) {
      return false;
    }
    requireAck(NbdConstants.OPT_STRUCTURED_REPLY, reply);
    return true;
  }

  /** Names of the contexts that match a query such as {@code qemu:dirty-bitmap:}. */
  List<String> listContexts(String query) throws IOException {
    return List.copyOf(contexts(NbdConstants.OPT_LIST_META_CONTEXT, List.of(query)).values());
  }

  /** Asks for contexts, all at once; what is not granted is simply not in the answer. */
  Map<Integer, String> setContexts(List<String> names) throws IOException {
    Map<Integer, String> granted = contexts(NbdConstants.OPT_SET_META_CONTEXT, names);
    for (String context : granted.values()) {
      if (!names.contains(context)) {
        throw new NbdProtocolException(
            "negotiation: meta context " + context + " is granted, but was not asked for");
      }
    }
    return granted;
  }

  private Map<Integer, String> contexts(int option, List<String> queries) throws IOException {
    byte[] name = export.getBytes(StandardCharsets.UTF_8);
    List<byte[]> texts =
        queries.stream().map(query -> query.getBytes(StandardCharsets.UTF_8)).toList();
    int length = 8 + name.length + texts.stream().mapToInt(text -> 4 + text.length).sum();
    ByteBuffer data = ByteBuffer.allocate(length).putInt(name.length).put(name);
    data.putInt(texts.size());
    texts.forEach(text -> data.putInt(text.length).put(text));
    send(option, data.flip());
    Map<Integer, String> granted = new HashMap<>();
    int listed = 0;
    for (int i = 0; i < NbdConstants.OPTION_REPLIES_MAX; i++) {
      Reply reply = reply(option);
      if (reply.isError()) {
        if (reply.type() == NbdConstants.REP_ERR_UNSUP) {
          return Map.of();
        }
        throw refusal("meta contexts", reply);
      }
      if (reply.type() != NbdConstants.REP_META_CONTEXT) {
        requireAck(option, reply);
        return granted;
      }
      if (reply.data().remaining() < 4) {
        throw new NbdProtocolException(
            "negotiation: meta context of "
                + reply.data().remaining()
                + " bytes, expected 5 or more");
      }
      int id = reply.data().getInt();
      String context = StandardCharsets.UTF_8.decode(reply.data()).toString();
      if (option == NbdConstants.OPT_LIST_META_CONTEXT) {
        granted.put(listed++, context); // its numbers mean nothing and are often all zero
        continue;
      }
      if (granted.containsValue(context) || granted.put(id, context) != null) {
        throw new NbdProtocolException(
            "negotiation: meta context " + context + " is granted twice, or its number " + id);
      }
    }
    throw new NbdProtocolException(
        "negotiation: more than " + NbdConstants.OPTION_REPLIES_MAX + " meta contexts");
  }

  /** Enters transmission. */
  NbdExport go(boolean structured, Map<Integer, String> contexts) throws IOException {
    byte[] name = export.getBytes(StandardCharsets.UTF_8);
    ByteBuffer data = ByteBuffer.allocate(4 + name.length + 4).putInt(name.length).put(name);
    data.putShort((short) 1).putShort((short) NbdConstants.INFO_BLOCK_SIZE);
    send(NbdConstants.OPT_GO, data.flip());
    long size = -1;
    int flags = 0;
    int min = 1;
    int max = NbdConstants.PAYLOAD_BYTES_DEFAULT;
    for (int i = 0; i < NbdConstants.OPTION_REPLIES_MAX; i++) {
      Reply reply = reply(NbdConstants.OPT_GO);
      if (reply.isError()) {
        throw refusal("export '" + export + "'", reply);
      }
      if (reply.type() != NbdConstants.REP_INFO) {
        requireAck(NbdConstants.OPT_GO, reply);
        return checked(new NbdExport(size, flags, min, max, structured, contexts));
      }
      ByteBuffer info = reply.data();
      int type = info.remaining() < 2 ? -1 : info.getShort();
      if (type == NbdConstants.INFO_EXPORT) {
        requireLength("export information", info, 10);
        size = info.getLong();
        flags = info.getShort() & 0xffff;
      } else if (type == NbdConstants.INFO_BLOCK_SIZE) {
        requireLength("block size information", info, 12);
        min = info.getInt();
        info.getInt();
        max = info.getInt();
      }
    }
    throw new NbdProtocolException("negotiation: the server never ends its information");
  }

  private static NbdExport checked(NbdExport export) throws NbdProtocolException {
    if (export.sizeBytes() < 0) {
      throw new NbdProtocolException("negotiation: export size " + export.sizeBytes() + " or none");
    }
    if ((export.flags() & NbdConstants.TRANSMISSION_HAS_FLAGS) == 0) {
      throw new NbdProtocolException(
          "negotiation: transmission flags 0x"
              + Integer.toHexString(export.flags())
              + " without the flag that they are flags");
    }
    int min = export.blockBytesMin();
    long max = export.payloadBytesMax() & 0xffffffffL;
    if (Integer.bitCount(min) != 1 || min < 1 || min > 65536 || max < min) {
      throw new NbdProtocolException(
          "negotiation: block sizes of "
              + min
              + " to "
              + max
              + " bytes, expected a power of two up to 65536, and a maximum not below it");
    }
    int bounded = (int) Math.min(max, NbdConstants.PAYLOAD_BYTES_DEFAULT);
    return new NbdExport(
        export.sizeBytes(), export.flags(), min, bounded, export.structured(), export.contexts());
  }

  private static void requireLength(String what, ByteBuffer info, int length)
      throws NbdProtocolException {
    if (info.remaining() != length) {
      throw new NbdProtocolException(
          "negotiation: " + what + " of " + info.remaining() + " bytes, expected " + length);
    }
  }

  private void send(int option, ByteBuffer data) throws IOException {
    ByteBuffer request = ByteBuffer.allocate(16 + data.remaining());
    request.putLong(NbdConstants.OPTION_MAGIC).putInt(option).putInt(data.remaining()).put(data);
    wire.write(request.flip());
  }

  private Reply reply(int option) throws IOException {
    ByteBuffer head = wire.read(20);
    long magic = head.getLong();
    if (magic != NbdConstants.OPTION_REPLY_MAGIC) {
      throw new NbdProtocolException(
          "negotiation: option reply magic 0x" + Long.toHexString(magic) + " is wrong");
    }
    int answered = head.getInt();
    int type = head.getInt();
    int length = head.getInt();
    if (answered != option) {
      throw new NbdProtocolException(
          "negotiation: answer to option " + answered + ", but option " + option + " was sent");
    }
    if (length < 0 || length > NbdConstants.OPTION_REPLY_BYTES_MAX) {
      throw new NbdProtocolException(
          "negotiation: option reply of "
              + Integer.toUnsignedString(length)
              + " bytes, expected at most "
              + NbdConstants.OPTION_REPLY_BYTES_MAX);
    }
    return new Reply(type, wire.read(length));
  }

  private static void requireAck(int option, Reply reply) throws NbdProtocolException {
    if (reply.type() != NbdConstants.REP_ACK) {
      throw new NbdProtocolException(
          "negotiation: reply type " + reply.type() + " to option " + option + ", expected ACK");
    }
  }

  private static NbdException refusal(String what, Reply reply) {
    NbdException.Kind kind =
        switch (reply.type()) {
          case NbdConstants.REP_ERR_UNKNOWN -> NbdException.Kind.UNKNOWN_EXPORT;
          case NbdConstants.REP_ERR_TLS_REQD -> NbdException.Kind.TLS_REQUIRED;
          default -> NbdException.Kind.REFUSED;
        };
    String why =
        switch (reply.type()) {
          case NbdConstants.REP_ERR_UNSUP -> "does not support that option";
          case NbdConstants.REP_ERR_POLICY -> "forbids it by its policy";
          case NbdConstants.REP_ERR_INVALID -> "calls our request invalid";
          case NbdConstants.REP_ERR_PLATFORM -> "cannot do it on its platform";
          case NbdConstants.REP_ERR_TLS_REQD -> "requires TLS, which is not supported";
          case NbdConstants.REP_ERR_UNKNOWN -> "knows no such export";
          case NbdConstants.REP_ERR_SHUTDOWN -> "is shutting down";
          case NbdConstants.REP_ERR_BLOCK_SIZE_REQD -> "requires block sizes to be honoured";
          case NbdConstants.REP_ERR_TOO_BIG -> "calls our request too big";
          default -> "answers with error 0x" + Integer.toHexString(reply.type());
        };
    return new NbdException(kind, "negotiation: " + what + ": the server " + why + reply.text());
  }

  /** Ends a negotiation that does not go on to transmission; the answer is not waited for. */
  void abort() throws IOException {
    send(NbdConstants.OPT_ABORT, ByteBuffer.allocate(0));
  }
}
