package dev.backstep.nbd;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.PartVisitor;
import dev.backstep.blockio.ReadOnlyFile;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The server's side of one connection: takes requests and answers each before the next ({@code
 * doc/proto.md}, "Transmission phase"). For one thread.
 */
final class ServedConnection {

  /** The number that we give to {@code base:allocation}. */
  static final int ALLOCATION_CONTEXT = 1;

  /** Most extents in one answer; the client asks again for the rest. */
  private static final int EXTENTS_MAX = 8192;

  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

  private final SocketChannel channel;
  private final ByteBuffer in = ByteBuffer.allocateDirect(16 << 10).flip();
  private boolean structured;
  private @Nullable ServedDisk allocation;
  private @Nullable ServedDisk entered;

  private record Request(int flags, int command, long cookie, long offset, long length) {

    boolean has(int flag) {
      return (flags & flag) != 0;
    }
  }

  /** A part of an answer: a piece of a file, bytes, or zeros when it has neither. */
  private record Part(
      @Nullable ReadOnlyFile file, long position, @Nullable ByteBuffer bytes, long length) {}

  ServedConnection(SocketChannel channel) {
    this.channel = channel;
  }

  ByteBuffer read(int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (!in.hasRemaining()) {
        fill(bytes.position() == 0);
      }
      int count = Math.min(in.remaining(), bytes.remaining());
      bytes.put(in.slice(in.position(), count));
      in.position(in.position() + count);
    }
    return bytes.flip();
  }

  private void fill(boolean between) throws IOException {
    in.clear();
    int count = channel.read(in);
    in.flip();
    if (count < 0) {
      throw between
          ? new java.nio.channels.ClosedChannelException()
          : new EOFException("the client left in the middle of a message");
    }
  }

  void write(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  void structured() {
    structured = true;
  }

  boolean isStructured() {
    return structured;
  }

  /** The disk whose allocation may be asked for; as the last SET_META_CONTEXT says. */
  void allocationOf(@Nullable ServedDisk disk) {
    allocation = disk;
  }

  void enter(ServedDisk disk) {
    entered = disk;
  }

  /** Answers requests until the client takes its leave. */
  void transmit() throws IOException {
    ServedDisk disk = java.util.Objects.requireNonNull(entered);
    while (true) {
      ByteBuffer head = read(28);
      if (head.getInt() != NbdConstants.REQUEST_MAGIC) {
        throw new NbdProtocolException("a request without its magic");
      }
      int flags = head.getShort() & 0xffff;
      int command = head.getShort() & 0xffff;
      Request request =
          new Request(flags, command, head.getLong(), head.getLong(), head.getInt() & 0xffffffffL);
      if (command == NbdConstants.CMD_DISC) {
        return;
      }
      answer(disk, request);
    }
  }

  private void answer(ServedDisk disk, Request request) throws IOException {
    @Nullable ByteBuffer payload =
        request.command() == NbdConstants.CMD_WRITE ? payload(request) : null;
    int refused = refusal(disk, request);
    if (refused != 0) {
      error(request, refused);
      return;
    }
    if (request.command() == NbdConstants.CMD_READ) {
      data(disk, request);
      return;
    }
    if (request.command() == NbdConstants.CMD_BLOCK_STATUS) {
      status(disk, request);
      return;
    }
    if (disk instanceof WritableDisk writable) {
      try {
        change(writable, request, payload);
      } catch (IOException e) {
        error(request, NbdConstants.EIO);
        return;
      }
    }
    done(request);
  }

  private ByteBuffer payload(Request request) throws IOException {
    if (request.length() > NbdConstants.PAYLOAD_BYTES_DEFAULT) {
      throw new NbdProtocolException("a write of " + request.length() + " bytes");
    }
    return read((int) request.length());
  }

  private static void change(WritableDisk disk, Request request, @Nullable ByteBuffer payload)
      throws IOException {
    switch (request.command()) {
      case NbdConstants.CMD_WRITE -> {
        if (payload != null && payload.hasRemaining()) {
          disk.write(request.offset(), payload);
        }
      }
      case NbdConstants.CMD_WRITE_ZEROES, NbdConstants.CMD_TRIM -> {
        if (request.length() > 0) {
          disk.zero(request.offset(), request.length());
        }
      }
      case NbdConstants.CMD_FLUSH -> disk.flush();
      default -> {} // CACHE: the system's page cache knows better
    }
    if (request.has(NbdConstants.CMD_FLAG_FUA)) {
      disk.flush();
    }
  }

  /** Why a request is not done, 0 when it is. */
  private int refusal(ServedDisk disk, Request request) {
    boolean inside =
        request.offset() >= 0
            && request.length() <= disk.sizeBytes()
            && request.offset() <= disk.sizeBytes() - request.length();
    int known =
        NbdConstants.CMD_FLAG_FUA
            | NbdConstants.CMD_FLAG_NO_HOLE
            | NbdConstants.CMD_FLAG_DF
            | NbdConstants.CMD_FLAG_REQ_ONE;
    if ((request.flags() & ~known) != 0) {
      return NbdConstants.EINVAL;
    }
    return switch (request.command()) {
      case NbdConstants.CMD_READ ->
          inside && request.length() <= NbdConstants.PAYLOAD_BYTES_DEFAULT
              ? 0
              : NbdConstants.EINVAL;
      case NbdConstants.CMD_BLOCK_STATUS ->
          inside && request.length() > 0 && allocation == disk ? 0 : NbdConstants.EINVAL;
      case NbdConstants.CMD_FLUSH -> 0;
      case NbdConstants.CMD_CACHE -> inside ? 0 : NbdConstants.EINVAL;
      case NbdConstants.CMD_WRITE, NbdConstants.CMD_WRITE_ZEROES, NbdConstants.CMD_TRIM -> {
        if (!(disk instanceof WritableDisk)) {
          yield NbdConstants.EPERM;
        }
        yield inside ? 0 : NbdConstants.ENOSPC;
      }
      default -> NbdConstants.EINVAL;
    };
  }

  private void data(ServedDisk disk, Request request) throws IOException {
    Parts parts = new Parts();
    try {
      if (request.length() > 0) {
        disk.parts(request.offset(), request.length(), parts);
      }
    } catch (IOException e) {
      error(request, NbdConstants.EIO);
      return;
    }
    if (!structured) {
      ByteBuffer head = ByteBuffer.allocate(16).putInt(NbdConstants.SIMPLE_REPLY_MAGIC);
      write(head.putInt(0).putLong(request.cookie()).flip());
      for (Part part : parts.list) {
        send(part);
      }
    } else if (request.has(NbdConstants.CMD_FLAG_DF) || parts.list.isEmpty()) {
      dataHead(request, request.offset(), request.length(), true);
      for (Part part : parts.list) {
        send(part);
      }
    } else {
      long at = request.offset();
      for (int i = 0; i < parts.list.size(); i++) {
        Part part = parts.list.get(i);
        boolean last = i == parts.list.size() - 1;
        if (part.file() == null && part.bytes() == null) {
          ByteBuffer hole = chunk(request, NbdConstants.CHUNK_OFFSET_HOLE, 12, last, 12);
          write(hole.putLong(at).putInt((int) part.length()).flip());
        } else {
          dataHead(request, at, part.length(), last);
          send(part);
        }
        at += part.length();
      }
    }
  }

  private void dataHead(Request request, long offset, long length, boolean last)
      throws IOException {
    int type = length == 0 ? NbdConstants.CHUNK_NONE : NbdConstants.CHUNK_OFFSET_DATA;
    int bytes = length == 0 ? 0 : (int) length + 8;
    ByteBuffer head = chunk(request, type, bytes, last, 8);
    write((length == 0 ? head : head.putLong(offset)).flip());
  }

  /** A reading error in the middle of an answer can only be told by ending the connection. */
  private void send(Part part) throws IOException {
    ReadOnlyFile file = part.file();
    if (file != null) {
      file.sendTo(channel, part.position(), part.length());
    } else if (part.bytes() != null) {
      write(part.bytes());
    } else {
      for (long left = part.length(); left > 0; left -= Math.min(left, ZEROS.capacity())) {
        write(ZEROS.slice(0, (int) Math.min(left, ZEROS.capacity())));
      }
    }
  }

  private static final class Parts implements PartVisitor {
    private final List<Part> list = new ArrayList<>();

    @Override
    public void file(ReadOnlyFile file, long offset, long length) {
      list.add(new Part(file, offset, null, length));
    }

    @Override
    public void bytes(ByteBuffer bytes) {
      list.add(new Part(null, 0, bytes, bytes.remaining()));
    }

    @Override
    public void zeros(long length) {
      list.add(new Part(null, 0, null, length));
    }
  }

  private void status(ServedDisk disk, Request request) throws IOException {
    List<long[]> extents = new ArrayList<>();
    try {
      disk.allocated(
          request.offset(),
          request.length(),
          (offset, length, kind) -> {
            int state =
                kind == ExtentKind.ZERO ? NbdConstants.STATE_HOLE | NbdConstants.STATE_ZERO : 0;
            if (!extents.isEmpty() && extents.getLast()[1] == state) {
              extents.getLast()[0] += length;
            } else {
              extents.add(new long[] {length, state});
            }
          });
    } catch (IOException e) {
      error(request, NbdConstants.EIO);
      return;
    }
    int count =
        request.has(NbdConstants.CMD_FLAG_REQ_ONE) ? 1 : Math.min(EXTENTS_MAX, extents.size());
    int bytes = 4 + count * 8;
    ByteBuffer chunk = chunk(request, NbdConstants.CHUNK_BLOCK_STATUS, bytes, true, bytes);
    chunk.putInt(ALLOCATION_CONTEXT);
    for (long[] extent : extents.subList(0, count)) {
      chunk.putInt((int) extent[0]).putInt((int) extent[1]);
    }
    write(chunk.flip());
  }

  private void done(Request request) throws IOException {
    if (structured) {
      write(chunk(request, NbdConstants.CHUNK_NONE, 0, true, 0).flip());
    } else {
      simple(request, 0);
    }
  }

  private void error(Request request, int error) throws IOException {
    if (structured) {
      ByteBuffer chunk = chunk(request, NbdConstants.CHUNK_ERROR, 6, true, 6);
      write(chunk.putInt(error).putShort((short) 0).flip());
    } else {
      simple(request, error);
    }
  }

  private void simple(Request request, int error) throws IOException {
    ByteBuffer reply = ByteBuffer.allocate(16).putInt(NbdConstants.SIMPLE_REPLY_MAGIC);
    write(reply.putInt(error).putLong(request.cookie()).flip());
  }

  /**
   * @param bytes the chunk's payload, as its head says
   * @param room of it that is put into the same buffer
   */
  private static ByteBuffer chunk(Request request, int type, int bytes, boolean last, int room) {
    ByteBuffer chunk = ByteBuffer.allocate(20 + room);
    chunk.putInt(NbdConstants.STRUCTURED_REPLY_MAGIC);
    chunk.putShort((short) (last ? NbdConstants.CHUNK_DONE : 0)).putShort((short) type);
    return chunk.putLong(request.cookie()).putInt(bytes);
  }
}
