package dev.backstep.job.backup;

import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * A disk in memory with change tracking of 4 KiB blocks, which can be made to forget or to fail.
 */
final class SimulatedDisk {

  static final int BLOCK_BYTES = 4096;

  private final String key;
  private final Random random;
  private byte[] content;
  private int largestBytes;
  private final Map<String, BitSet> marks = new HashMap<>();

  /** What the next questions about changes meet. */
  enum Trouble {
    /** Nobody can be asked what changed. */
    UNREACHABLE,
    NONE,
    /** The answer breaks off with an I/O error after some extents. */
    QUERY_FAILS,
    /** Every extent is told twice, cut in overlapping pieces, out of order. */
    DISORDER,
    /** About a third of what changed is not told: the lie that an audit is for. */
    LIES
  }

  Trouble trouble = Trouble.NONE;

  SimulatedDisk(String key, int sizeBytes, Random random) {
    this.key = key;
    this.random = random;
    this.content = new byte[sizeBytes];
    this.largestBytes = sizeBytes;
  }

  String key() {
    return key;
  }

  byte[] content() {
    return content.clone();
  }

  int size() {
    return content.length;
  }

  void write() {
    if (content.length == 0) {
      return;
    }
    int at = random.nextInt(content.length);
    write(at, Math.min(content.length - at, 1 + random.nextInt(200_000)));
  }

  void write(int at, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    System.arraycopy(bytes, 0, content, at, length);
    touch(at, length);
  }

  void trim() {
    if (content.length == 0) {
      return;
    }
    int at = random.nextInt(content.length);
    zero(at, Math.min(content.length - at, 1 + random.nextInt(400_000)));
  }

  void zero(int at, int length) {
    Arrays.fill(content, at, at + length, (byte) 0);
    touch(at, length);
  }

  /** What was cut off comes back as zeros when the disk grows again: a change that is tracked. */
  void resize(int sizeBytes) {
    int before = content.length;
    content = Arrays.copyOf(content, sizeBytes);
    int again = Math.min(sizeBytes, largestBytes);
    if (again > before) {
      touch(before, again - before);
    }
    largestBytes = Math.max(largestBytes, sizeBytes);
  }

  void resetTracking() {
    marks.clear();
  }

  /** The marks stay and say that nothing changed: the worst lie of all. */
  void forget() {
    marks.values().forEach(BitSet::clear);
  }

  void mark(String changeId) {
    marks.put(changeId, new BitSet());
  }

  void dropMarksBut(Set<String> keep, String prefix) {
    marks.keySet().removeIf(mark -> mark.startsWith(prefix) && !keep.contains(mark));
  }

  Set<String> marks() {
    return Set.copyOf(marks.keySet());
  }

  boolean knows(String changeId) {
    return marks.containsKey(changeId);
  }

  private void touch(int at, int length) {
    int first = at / BLOCK_BYTES;
    int last = (at + length - 1) / BLOCK_BYTES;
    marks.values().forEach(dirty -> dirty.set(first, last + 1));
  }

  /** The extents changed since a mark, of a content that was frozen by a snapshot. */
  void changed(String since, byte[] frozen, ExtentVisitor visitor) throws IOException {
    List<int[]> extents = new ArrayList<>();
    BitSet dirty = marks.getOrDefault(since, new BitSet());
    for (int from = dirty.nextSetBit(0); from >= 0; ) {
      int to = dirty.nextClearBit(from);
      int start = from * BLOCK_BYTES;
      int end = Math.min(to * BLOCK_BYTES, frozen.length);
      if (start < end) {
        extents.add(new int[] {start, end});
      }
      from = dirty.nextSetBit(to);
    }
    report(extents, frozen, visitor);
  }

  void allocated(byte[] frozen, ExtentVisitor visitor) {
    for (int at = 0; at < frozen.length; at += BLOCK_BYTES) {
      int end = Math.min(frozen.length, at + BLOCK_BYTES);
      visitor.extent(at, end - at, isZero(frozen, at, end) ? ExtentKind.ZERO : ExtentKind.DATA);
    }
  }

  private void report(List<int[]> extents, byte[] frozen, ExtentVisitor visitor)
      throws IOException {
    List<int[]> told = new ArrayList<>(extents);
    if (trouble == Trouble.LIES) {
      told.removeIf(extent -> random.nextInt(3) == 0);
    }
    if (trouble == Trouble.DISORDER) {
      for (int[] extent : extents) {
        int middle = extent[0] + random.nextInt(extent[1] - extent[0]);
        told.add(new int[] {extent[0], Math.min(extent[1], middle + 1)});
        told.add(new int[] {middle, extent[1]});
      }
      Collections.shuffle(told, random);
    }
    if (trouble == Trouble.UNREACHABLE) {
      throw new SourceException(SourceException.Kind.UNREACHABLE, "the session is gone");
    }
    int failAfter = trouble == Trouble.QUERY_FAILS ? random.nextInt(told.size() + 1) : -1;
    for (int i = 0; i < told.size(); i++) {
      if (i == failAfter) {
        throw new IOException("the simulated source broke off after " + i + " extents");
      }
      int[] extent = told.get(i);
      boolean zero = isZero(frozen, extent[0], extent[1]);
      visitor.extent(extent[0], extent[1] - extent[0], zero ? ExtentKind.ZERO : ExtentKind.DATA);
    }
    if (failAfter == told.size()) {
      throw new IOException("the simulated source broke off at the end");
    }
  }

  private static boolean isZero(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}
