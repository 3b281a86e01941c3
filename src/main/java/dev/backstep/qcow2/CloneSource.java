package dev.backstep.qcow2;

import java.io.IOException;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * An image that another one can begin as a clone of: which clusters of its file are in use, but for
 * its header and its refcounts, which are written anew.
 *
 * @param used by the L1 table, L2 tables and data
 * @param dataClusters how many are data
 */
record CloneSource(Layer layer, BitSet used, long dataClusters) {

  /**
   * Looks at all tables.
   *
   * @param layers the images that become one, that to be cloned last
   * @param spec of the clone
   * @return empty when something is in the way: compressed clusters, another cluster size, a disk
   *     that has become smaller, or whose old end lies inside a cluster; or when more of the file
   *     is free than in use, so that copying it makes it shorter
   */
  static Optional<CloneSource> of(List<Layer> layers, Qcow2Spec spec) throws IOException {
    Layer layer = layers.getLast();
    Qcow2Header header = layer.header();
    boolean suits =
        header.version() == 3
            && !header.extendedL2()
            && header.clusterBits() == spec.clusterBits()
            && header.snapshots() == 0
            && header.bitmaps().isEmpty()
            && clusters(header.l1Entries(), spec) == clusters(spec.l1Entries(), spec)
            && header.l1Entries() <= spec.l1Entries()
            && fits(layers, spec);
    return suits ? tables(layer, spec) : Optional.empty();
  }

  private static long clusters(int l1Entries, Qcow2Spec spec) {
    return Math.ceilDiv(l1Entries * 8L, 1L << spec.clusterBits());
  }

  /** What lies behind an old end has to be no image's business. */
  private static boolean fits(List<Layer> layers, Qcow2Spec spec) {
    long size = layers.getFirst().header().virtualSize();
    long above = size;
    for (Layer layer : layers) {
      long own = layer.header().virtualSize();
      boolean whole = own % (1L << spec.clusterBits()) == 0;
      if (own > above || (own < size && (!whole || spec.backingFile().isPresent()))) {
        return false;
      }
      above = own;
    }
    return true;
  }

  private static Optional<CloneSource> tables(Layer layer, Qcow2Spec spec) throws IOException {
    int bits = spec.clusterBits();
    BitSet used = new BitSet();
    long l1 = layer.header().l1Offset() >>> bits;
    used.set((int) l1, Math.toIntExact(l1 + clusters(spec.l1Entries(), spec)));
    long data = 0;
    for (int region = 0; region < layer.header().l1Entries(); region++) {
      long offset = layer.tableOffset(region);
      if (offset == 0) {
        continue;
      }
      if (!layer.isCopied(region) || !take(used, offset >>> bits)) {
        return Optional.empty();
      }
      long[] table = layer.table(region);
      for (int i = 0; i < table.length; i++) {
        Layer.Kind kind = layer.kind(table[i], offset + i * 8L);
        long host = table[i] & Qcow2Constants.OFFSET_MASK;
        if (kind == Layer.Kind.DATA) {
          if ((table[i] & Qcow2Constants.COPIED) == 0 || !take(used, host >>> bits)) {
            return Optional.empty();
          }
          data++;
        } else if (kind == Layer.Kind.COMPRESSED || host != 0) {
          return Optional.empty();
        }
      }
    }
    boolean whole = !used.get(0) && (long) used.length() << bits <= layer.file().sizeBytes();
    boolean dense = used.length() < 2L * used.cardinality();
    return whole && dense ? Optional.of(new CloneSource(layer, used, data)) : Optional.empty();
  }

  private static boolean take(BitSet used, long cluster) {
    if (cluster > Integer.MAX_VALUE - 1 || used.get((int) cluster)) {
      return false;
    }
    used.set((int) cluster);
    return true;
  }

  /** The byte behind the last cluster in use. */
  long end() {
    return (long) used.length() << layer.header().clusterBits();
  }
}
