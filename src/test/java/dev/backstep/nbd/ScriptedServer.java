package dev.backstep.nbd;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A server that says what a test tells it to, well behaved in everything else. */
final class ScriptedServer implements AutoCloseable {

  static final long SIZE = 1 << 20;

  private final ServerSocketChannel listener;
  private final Path socket;

  /** What the server does with each connection; ends the connection by returning. */
  @FunctionalInterface
  interface Script {
    void run(Peer peer) throws IOException;
  }

  ScriptedServer(Path socket, Script script) throws IOException {
    this.socket = socket;
    this.listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(socket));
    Thread.ofPlatform().daemon().start(() -> serve(script));
  }

  private void serve(Script script) {
    while (listener.isOpen()) {
      try (SocketChannel client = listener.accept()) {
        script.run(new Peer(client));
      } catch (IOException _) {
        continue; // the client has turned away, which is what it should do
      }
    }
  }

  NbdUri uri() {
    return NbdUri.unix(socket, "disk");
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }

  /** The server's end of one connection. */
  static final class Peer {
    final DataInputStream in;
    final DataOutputStream out;
    long lastCookie;
    long lastOffset;
    int lastLength;

    Peer(SocketChannel client) {
      in = new DataInputStream(Channels.newInputStream(client));
      out = new DataOutputStream(Channels.newOutputStream(client));
    }

    /** Everything up to transmission, as a good server does it, with the contexts asked for. */
    void negotiate() throws IOException {
      greet();
      option(NbdConstants.OPT_STRUCTURED_REPLY);
      reply(NbdConstants.OPT_STRUCTURED_REPLY, NbdConstants.REP_ACK, new byte[0]);
      int option = option();
      if (option == NbdConstants.OPT_SET_META_CONTEXT) {
        grant(option, 7, NbdExtents.ALLOCATION);
        reply(option, NbdConstants.REP_ACK, new byte[0]);
        option = option();
      }
      export(SIZE, NbdConstants.TRANSMISSION_HAS_FLAGS);
      reply(NbdConstants.OPT_GO, NbdConstants.REP_ACK, new byte[0]);
    }

    void greet() throws IOException {
      out.writeLong(NbdConstants.SERVER_MAGIC);
      out.writeLong(NbdConstants.OPTION_MAGIC);
      out.writeShort(NbdConstants.FLAG_FIXED_NEWSTYLE | NbdConstants.FLAG_NO_ZEROES);
      in.readInt();
    }

    void option(int expected) throws IOException {
      int option = option();
      if (option != expected) {
        throw new IOException("option " + option + ", expected " + expected);
      }
    }

    int option() throws IOException {
      in.readLong();
      int option = in.readInt();
      in.skipNBytes(in.readInt());
      return option;
    }

    void reply(int option, int type, byte[] data) throws IOException {
      out.writeLong(NbdConstants.OPTION_REPLY_MAGIC);
      out.writeInt(option);
      out.writeInt(type);
      out.writeInt(data.length);
      out.write(data);
    }

    void grant(int option, int id, String name) throws IOException {
      byte[] text = name.getBytes(StandardCharsets.UTF_8);
      out.writeLong(NbdConstants.OPTION_REPLY_MAGIC);
      out.writeInt(option);
      out.writeInt(NbdConstants.REP_META_CONTEXT);
      out.writeInt(4 + text.length);
      out.writeInt(id);
      out.write(text);
    }

    void export(long size, int flags) throws IOException {
      out.writeLong(NbdConstants.OPTION_REPLY_MAGIC);
      out.writeInt(NbdConstants.OPT_GO);
      out.writeInt(NbdConstants.REP_INFO);
      out.writeInt(12);
      out.writeShort(NbdConstants.INFO_EXPORT);
      out.writeLong(size);
      out.writeShort(flags);
    }

    void blockSizes(int min, int max) throws IOException {
      out.writeLong(NbdConstants.OPTION_REPLY_MAGIC);
      out.writeInt(NbdConstants.OPT_GO);
      out.writeInt(NbdConstants.REP_INFO);
      out.writeInt(14);
      out.writeShort(NbdConstants.INFO_BLOCK_SIZE);
      out.writeInt(min);
      out.writeInt(4096);
      out.writeInt(max);
    }

    /** Takes a request; false when the client says goodbye. */
    boolean request() throws IOException {
      in.readInt();
      in.readShort();
      int command = in.readShort();
      lastCookie = in.readLong();
      lastOffset = in.readLong();
      lastLength = in.readInt();
      return command != NbdConstants.CMD_DISC;
    }

    /** The head of a chunk that answers the last request. */
    void chunk(int flags, int type, int length) throws IOException {
      out.writeInt(NbdConstants.STRUCTURED_REPLY_MAGIC);
      out.writeShort(flags);
      out.writeShort(type);
      out.writeLong(lastCookie);
      out.writeInt(length);
    }

    void data(int flags, long offset, byte[] bytes) throws IOException {
      chunk(flags, NbdConstants.CHUNK_OFFSET_DATA, 8 + bytes.length);
      out.writeLong(offset);
      out.write(bytes);
    }
  }
}
