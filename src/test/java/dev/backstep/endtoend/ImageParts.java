package dev.backstep.endtoend;

import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What each cluster of an image's file is for, read off header and tables without the program's
 * classes (specification: "qcow2.txt", header, L1, L2 and refcount tables). Of images without
 * compression.
 */
final class ImageParts {

  private static final long OFFSET_MASK = 0x00fffffffffffe00L;

  private final ByteBuffer file;
  private final int clusterBytes;
  private final BitSet used = new BitSet();
  private final Map<Part, List<ByteRange>> clusters = new EnumMap<>(Part.class);

  /** What a cluster of a file is for. */
  enum Part {
    HEADER,
    L1,
    L2,
    REFCOUNT_TABLE,
    REFCOUNT_BLOCK,
    DATA
  }

  private ImageParts(ByteBuffer file) {
    this.file = file;
    this.clusterBytes = 1 << file.getInt(20);
  }

  /** The clusters of each part, none of them in two. */
  static Map<Part, List<ByteRange>> of(Path image) throws IOException {
    return new ImageParts(ByteBuffer.wrap(Files.readAllBytes(image))).parts();
  }

  private Map<Part, List<ByteRange>> parts() {
    long l1 = file.getLong(40);
    int l1Entries = file.getInt(36);
    long refcounts = file.getLong(48);
    long refcountBytes = (long) file.getInt(56) * clusterBytes;
    add(Part.HEADER, 0, clusterBytes);
    add(Part.L1, l1, l1Entries * 8L);
    entries(Part.L2, l1, l1Entries);
    add(Part.REFCOUNT_TABLE, refcounts, refcountBytes);
    entries(Part.REFCOUNT_BLOCK, refcounts, (int) (refcountBytes / 8));
    for (int cluster = used.nextClearBit(0);
        cluster * (long) clusterBytes < file.limit();
        cluster = used.nextClearBit(cluster)) {
      add(Part.DATA, cluster * (long) clusterBytes, clusterBytes);
    }
    return clusters;
  }

  /** The clusters that a table's entries point at. */
  private void entries(Part part, long table, int count) {
    for (int i = 0; i < count; i++) {
      long entry = file.getLong((int) table + i * 8) & OFFSET_MASK;
      if (entry != 0) {
        add(part, entry, clusterBytes);
      }
    }
  }

  private void add(Part part, long offset, long length) {
    for (long at = offset; at < offset + length; at += clusterBytes) {
      if (used.get((int) (at / clusterBytes))) {
        throw new IllegalStateException(part + " at byte " + at + " lies over another part");
      }
      used.set((int) (at / clusterBytes));
      clusters.computeIfAbsent(part, any -> new ArrayList<>()).add(new ByteRange(at, clusterBytes));
    }
  }
}
