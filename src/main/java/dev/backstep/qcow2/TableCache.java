package dev.backstep.qcow2;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** The L2 tables that a chain used last, bounded in memory over all its layers. Thread-safe. */
final class TableCache {

  /** Memory for tables, in bytes: those of 16 layers of 64 KiB clusters, four times over. */
  private static final long BYTES_MAX = 16L << 20;

  private long bytes;

  private record Key(Layer layer, long offset) {}

  private final Map<Key, long[]> tables = new LinkedHashMap<>(64, 0.75f, true);

  long[] get(Layer layer, long offset, int entries) throws IOException {
    Key key = new Key(layer, offset);
    synchronized (this) {
      long[] table = tables.get(key);
      if (table != null) {
        return table;
      }
    }
    long[] table = layer.readTable(offset, entries);
    synchronized (this) {
      if (tables.put(key, table) == null) {
        bytes += table.length * 8L;
      }
      var eldest = tables.entrySet().iterator();
      while (bytes > BYTES_MAX && tables.size() > 1) {
        bytes -= eldest.next().getValue().length * 8L;
        eldest.remove();
      }
    }
    return table;
  }
}
