package dev.backstep.nbd;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;

/**
 * Asks an export where it holds data and, with a dirty bitmap, what changed ("Block status" of the
 * protocol; {@code docs/interop/nbd.rst} of QEMU for its bitmaps).
 */
public final class NbdExtents {

  public static final String ALLOCATION = "base:allocation";
  public static final String DIRTY_BITMAP = "qemu:dirty-bitmap:";

  private static final int ZERO = 2;
  private static final int DIRTY = 1;

  /** Bytes a request: well below the 4 GiB of the length field, and a multiple of every block. */
  private static final long REQUEST_BYTES_MAX = 2L << 30;

  private NbdExtents() {}

  /** Reports the whole export as data or zeros; all of it as data where the server cannot tell. */
  public static void allocated(NbdConnection connection, ExtentVisitor visitor) throws IOException {
    if (!connection.export().grants(ALLOCATION)) {
      if (connection.export().sizeBytes() > 0) {
        visitor.extent(0, connection.export().sizeBytes(), ExtentKind.DATA);
      }
      return;
    }
    allocated(connection, new ByteRange(0, connection.export().sizeBytes()), visitor);
  }

  /**
   * Reports a range of the export as data or zeros.
   *
   * @param range inside the export; {@link #ALLOCATION} must have been granted
   */
  public static void allocated(NbdConnection connection, ByteRange range, ExtentVisitor visitor)
      throws IOException {
    walk(
        connection,
        List.of(ALLOCATION),
        range,
        (offset, length, flags) ->
            visitor.extent(
                offset, length, (flags[0] & ZERO) != 0 ? ExtentKind.ZERO : ExtentKind.DATA));
  }

  /**
   * Reports what a dirty bitmap marks, as zeros where the export reads as zeros.
   *
   * @param bitmap its name; its context must have been granted
   */
  public static void dirty(NbdConnection connection, String bitmap, ExtentVisitor visitor)
      throws IOException {
    boolean allocation = connection.export().grants(ALLOCATION);
    List<String> contexts =
        allocation ? List.of(DIRTY_BITMAP + bitmap, ALLOCATION) : List.of(DIRTY_BITMAP + bitmap);
    walk(
        connection,
        contexts,
        new ByteRange(0, connection.export().sizeBytes()),
        (offset, length, flags) -> {
          if ((flags[0] & DIRTY) != 0) {
            boolean zero = allocation && (flags[1] & ZERO) != 0;
            visitor.extent(offset, length, zero ? ExtentKind.ZERO : ExtentKind.DATA);
          }
        });
  }

  private interface Visitor {
    /**
     * @param flags in the order of the contexts
     */
    void extent(long offset, long length, int[] flags);
  }

  private static void walk(
      NbdConnection connection, List<String> contexts, ByteRange range, Visitor visitor)
      throws IOException {
    Map<String, Integer> ids = new HashMap<>();
    connection.export().contexts().forEach((id, name) -> ids.put(name, id));
    for (String context : contexts) {
      if (!ids.containsKey(context)) {
        throw new NbdException(
            NbdException.Kind.REFUSED,
            "negotiation: the server does not offer the meta context " + context);
      }
    }
    long at = range.offset();
    while (at < range.end()) {
      long length = Math.min(range.end() - at, REQUEST_BYTES_MAX);
      var answer = status(connection, at, length);
      try {
        at +=
            report(
                at,
                length,
                contexts.stream().map(name -> answer.get(ids.get(name))).toList(),
                visitor);
      } catch (NbdProtocolException e) {
        throw e.by(connection.uri());
      }
    }
  }

  private static Map<Integer, List<Exchange.Status.Extent>> status(
      NbdConnection connection, long at, long length) throws IOException {
    try {
      return connection.blockStatus(at, length).join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    }
  }

  /** Walks the contexts' lists side by side as far as all of them reach, and tells how far. */
  private static long report(
      long at, long length, List<List<Exchange.Status.Extent>> lists, Visitor visitor)
      throws NbdProtocolException {
    List<Iterator<Exchange.Status.Extent>> iterators = new ArrayList<>();
    for (List<Exchange.Status.Extent> list : lists) {
      if (list == null) {
        throw new NbdProtocolException("reply: block status without one of its contexts");
      }
      iterators.add(list.iterator());
    }
    int[] flags = new int[lists.size()];
    long[] ends = new long[lists.size()];
    long position = 0;
    while (position < length) {
      long end = length;
      for (int i = 0; i < ends.length; i++) {
        if (ends[i] <= position) {
          if (!iterators.get(i).hasNext()) {
            return position;
          }
          Exchange.Status.Extent extent = iterators.get(i).next();
          ends[i] = position + extent.length();
          flags[i] = extent.flags();
        }
        end = Math.min(end, ends[i]);
      }
      visitor.extent(at + position, end - position, flags);
      position = end;
    }
    return position;
  }
}
