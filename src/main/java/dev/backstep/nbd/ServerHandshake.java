package dev.backstep.nbd;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of fixed newstyle negotiation ({@code doc/proto.md}, "Newstyle negotiation").
 */
final class ServerHandshake {

  private static final int OPTION_BYTES_MAX = 64 << 10;
  private static final int OPTIONS_MAX = 1000;
  private static final int BLOCK_PREFERRED = 64 << 10;
  private static final String ALLOCATION = "base:allocation";

  private final ServedConnection connection;
  private final Map<String, ServedDisk> disks;
  private boolean noZeroes;

  ServerHandshake(ServedConnection connection, Map<String, ServedDisk> disks) {
    this.connection = connection;
    this.disks = disks;
  }

  /**
   * Negotiates.
   *
   * @return whether transmission follows; else the connection ends
   */
  boolean run() throws IOException {
    ByteBuffer greeting = ByteBuffer.allocate(18);
    greeting.putLong(NbdConstants.SERVER_MAGIC).putLong(NbdConstants.OPTION_MAGIC);
    greeting.putShort((short) (NbdConstants.FLAG_FIXED_NEWSTYLE | NbdConstants.FLAG_NO_ZEROES));
    connection.write(greeting.flip());
    int flags = connection.read(4).getInt();
    if ((flags & ~(NbdConstants.FLAG_FIXED_NEWSTYLE | NbdConstants.FLAG_NO_ZEROES)) != 0) {
      throw new NbdProtocolException("client flags 0x" + Integer.toHexString(flags));
    }
    noZeroes = (flags & NbdConstants.FLAG_NO_ZEROES) != 0;
    for (int i = 0; i < OPTIONS_MAX; i++) {
      ByteBuffer head = connection.read(16);
      if (head.getLong() != NbdConstants.OPTION_MAGIC) {
        throw new NbdProtocolException("an option without its magic");
      }
      int option = head.getInt();
      int length = head.getInt();
      if (length < 0 || length > OPTION_BYTES_MAX) {
        throw new NbdProtocolException(
            "option " + option + " of " + Integer.toUnsignedString(length) + " bytes");
      }
      ByteBuffer data = connection.read(length);
      if (option == NbdConstants.OPT_ABORT) {
        reply(option, NbdConstants.REP_ACK, ByteBuffer.allocate(0));
        return false;
      }
      try {
        if (take(option, data)) {
          return true;
        }
      } catch (BufferUnderflowException e) {
        refuse(option, NbdConstants.REP_ERR_INVALID, "the option is shorter than it says");
      }
    }
    throw new NbdProtocolException("more than " + OPTIONS_MAX + " options");
  }

  /** Whether negotiation is over. */
  private boolean take(int option, ByteBuffer data) throws IOException {
    switch (option) {
      case NbdConstants.OPT_EXPORT_NAME -> {
        return exportName(text(data, data.remaining()));
      }
      case NbdConstants.OPT_LIST -> list(option, data);
      case NbdConstants.OPT_STRUCTURED_REPLY -> structured(option, data);
      case NbdConstants.OPT_LIST_META_CONTEXT, NbdConstants.OPT_SET_META_CONTEXT ->
          contexts(option, data);
      case NbdConstants.OPT_INFO, NbdConstants.OPT_GO -> {
        return info(option, data);
      }
      default -> refuse(option, NbdConstants.REP_ERR_UNSUP, "this server has no such option");
    }
    return false;
  }

  /** The oldest way in: no answer but the export, or the end. */
  private boolean exportName(String name) throws IOException {
    ServedDisk disk = disks.get(name);
    if (disk == null) {
      throw new NbdProtocolException(
          "export '" + name + "' was asked for; it is none of " + names());
    }
    ByteBuffer answer = ByteBuffer.allocate(noZeroes ? 10 : 134);
    answer.putLong(disk.sizeBytes()).putShort((short) flags(disk)).clear();
    connection.write(answer);
    connection.enter(disk);
    return true;
  }

  private void list(int option, ByteBuffer data) throws IOException {
    if (data.hasRemaining()) {
      refuse(option, NbdConstants.REP_ERR_INVALID, "LIST takes no data");
      return;
    }
    for (String name : names()) {
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      ByteBuffer server = ByteBuffer.allocate(4 + bytes.length).putInt(bytes.length).put(bytes);
      reply(option, NbdConstants.REP_SERVER, server.flip());
    }
    reply(option, NbdConstants.REP_ACK, ByteBuffer.allocate(0));
  }

  private void structured(int option, ByteBuffer data) throws IOException {
    if (data.hasRemaining()) {
      refuse(option, NbdConstants.REP_ERR_INVALID, "STRUCTURED_REPLY takes no data");
      return;
    }
    connection.structured();
    reply(option, NbdConstants.REP_ACK, ByteBuffer.allocate(0));
  }

  private void contexts(int option, ByteBuffer data) throws IOException {
    boolean set = option == NbdConstants.OPT_SET_META_CONTEXT;
    if (set && !connection.isStructured()) {
      refuse(option, NbdConstants.REP_ERR_INVALID, "meta contexts need structured replies");
      return;
    }
    String name = text(data, data.getInt());
    int count = data.getInt();
    List<String> queries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      queries.add(text(data, data.getInt()));
    }
    if (data.hasRemaining()) {
      refuse(option, NbdConstants.REP_ERR_INVALID, "data behind the last query");
      return;
    }
    @Nullable ServedDisk disk = disks.get(name);
    if (disk == null) {
      refuse(option, NbdConstants.REP_ERR_UNKNOWN, "the exports are " + names());
      return;
    }
    boolean asked =
        queries.contains(ALLOCATION) || (!set && (count == 0 || queries.contains("base:")));
    if (set) {
      connection.allocationOf(asked ? disk : null);
    }
    if (asked) {
      byte[] context = ALLOCATION.getBytes(StandardCharsets.UTF_8);
      ByteBuffer found = ByteBuffer.allocate(4 + context.length);
      found.putInt(set ? ServedConnection.ALLOCATION_CONTEXT : 0).put(context);
      reply(option, NbdConstants.REP_META_CONTEXT, found.flip());
    }
    reply(option, NbdConstants.REP_ACK, ByteBuffer.allocate(0));
  }

  private boolean info(int option, ByteBuffer data) throws IOException {
    String name = text(data, data.getInt());
    int count = data.getShort() & 0xffff;
    for (int i = 0; i < count; i++) {
      data.getShort(); // what we have to tell is told to everybody
    }
    ServedDisk disk = disks.get(name);
    if (data.hasRemaining()) {
      refuse(option, NbdConstants.REP_ERR_INVALID, "data behind the last information request");
      return false;
    }
    if (disk == null) {
      refuse(option, NbdConstants.REP_ERR_UNKNOWN, "the exports are " + names());
      return false;
    }
    ByteBuffer export = ByteBuffer.allocate(12).putShort((short) NbdConstants.INFO_EXPORT);
    export.putLong(disk.sizeBytes()).putShort((short) flags(disk));
    reply(option, NbdConstants.REP_INFO, export.flip());
    ByteBuffer sizes = ByteBuffer.allocate(14).putShort((short) NbdConstants.INFO_BLOCK_SIZE);
    sizes.putInt(1).putInt(BLOCK_PREFERRED).putInt(NbdConstants.PAYLOAD_BYTES_DEFAULT);
    reply(option, NbdConstants.REP_INFO, sizes.flip());
    reply(option, NbdConstants.REP_ACK, ByteBuffer.allocate(0));
    if (option == NbdConstants.OPT_GO) {
      connection.enter(disk);
      return true;
    }
    return false;
  }

  private int flags(ServedDisk disk) {
    int flags =
        NbdConstants.TRANSMISSION_HAS_FLAGS
            | NbdConstants.TRANSMISSION_FLUSH
            | NbdConstants.TRANSMISSION_MULTI_CONN
            | NbdConstants.TRANSMISSION_CACHE
            | (connection.isStructured() ? NbdConstants.TRANSMISSION_DF : 0);
    return disk instanceof WritableDisk
        ? flags
            | NbdConstants.TRANSMISSION_FUA
            | NbdConstants.TRANSMISSION_TRIM
            | NbdConstants.TRANSMISSION_WRITE_ZEROES
        : flags | NbdConstants.TRANSMISSION_READ_ONLY;
  }

  private List<String> names() {
    return disks.keySet().stream().filter(name -> !name.isEmpty()).sorted().toList();
  }

  private static String text(ByteBuffer data, int length) {
    boolean possible = Integer.compareUnsigned(length, OPTION_BYTES_MAX) <= 0;
    byte[] bytes = new byte[possible ? length : OPTION_BYTES_MAX + 1];
    data.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void refuse(int option, int error, String why) throws IOException {
    reply(option, error, ByteBuffer.wrap(why.getBytes(StandardCharsets.UTF_8)));
  }

  private void reply(int option, int type, ByteBuffer data) throws IOException {
    ByteBuffer reply = ByteBuffer.allocate(20 + data.remaining());
    reply.putLong(NbdConstants.OPTION_REPLY_MAGIC).putInt(option).putInt(type);
    connection.write(reply.putInt(data.remaining()).put(data).flip());
  }
}
