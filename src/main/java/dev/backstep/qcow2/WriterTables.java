package dev.backstep.qcow2;

import dev.backstep.blockio.AlignedBuffers;
import dev.backstep.blockio.DirectFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * L1 table and current L2 table of an image that is written in ascending order of the disk. Only
 * one L2 table is in memory; a table's host cluster is taken when its part of the disk is first
 * touched.
 */
final class WriterTables {

  private final int clusterBits;
  private final int l2Entries;
  private final long l1Offset;
  private final long[] l1;
  private final long[] l2;
  private int region = -1;
  private boolean regionTouched;

  WriterTables(int clusterBits, int l1Entries, long l1Offset) {
    this.clusterBits = clusterBits;
    this.l2Entries = (1 << clusterBits) / 8;
    this.l1Offset = l1Offset;
    this.l1 = new long[l1Entries];
    this.l2 = new long[l2Entries];
  }

  int l2Entries() {
    return l2Entries;
  }

  /** The region (L1 index) of a guest cluster. */
  int regionOf(long guestCluster) {
    return (int) (guestCluster / l2Entries);
  }

  /** The region that is in memory; -1 before the first. */
  int region() {
    return region;
  }

  /** Whether the region in memory has entries to be written. */
  boolean isTouched() {
    return regionTouched;
  }

  /** Forgets the region in memory and begins another one, which must have no table yet. */
  void begin(int newRegion) {
    Arrays.fill(l2, 0);
    region = newRegion;
    regionTouched = false;
  }

  /** Gives the region in memory its host cluster. */
  void place(long host) {
    l1[region] = host | Qcow2Constants.COPIED;
    regionTouched = true;
  }

  long tableOffset() {
    return l1[region] & Qcow2Constants.OFFSET_MASK;
  }

  /** How many clusters from this one on are whole in so many bytes, and in its table. */
  int countFrom(long guestCluster, long bytes) {
    return (int) Math.min(l2Entries - guestCluster % l2Entries, bytes >>> clusterBits);
  }

  /** Enters clusters that lie one behind the other in the file, all of them in this table. */
  void enter(long guestCluster, int count, long host) {
    for (int i = 0; i < count; i++) {
      set(guestCluster + i, (host + ((long) i << clusterBits)) | Qcow2Constants.COPIED);
    }
  }

  void set(long guestCluster, long entry) {
    l2[(int) (guestCluster % l2Entries)] = entry;
  }

  /** The L1 table as it is now, whole clusters. */
  ByteBuffer l1Bytes() {
    return bytes(l1, Math.ceilDiv(l1.length * 8, 1 << clusterBits) << clusterBits);
  }

  /** The L2 table in memory as it is now. */
  ByteBuffer l2Bytes() {
    return bytes(l2, 1 << clusterBits);
  }

  /** The tables as they were at a moment; an empty L2 table has no host cluster yet. */
  record Copy(ByteBuffer l1, long l1Offset, ByteBuffer l2, long l2Offset) {

    /** Writes them, not for good. */
    void write(DirectFile file) throws IOException {
      file.write(l1, l1Offset);
      if (l2.hasRemaining()) {
        file.write(l2, l2Offset);
      }
    }
  }

  /** The tables as they are now. */
  Copy copy() {
    return regionTouched
        ? new Copy(l1Bytes(), l1Offset, l2Bytes(), tableOffset())
        : new Copy(l1Bytes(), l1Offset, ByteBuffer.allocate(0), 0);
  }

  private static ByteBuffer bytes(long[] table, int length) {
    ByteBuffer bytes = AlignedBuffers.allocate(Math.max(length, 1)).limit(length);
    bytes.asLongBuffer().put(table);
    return bytes;
  }

  /** Counts what the compressed clusters of all written tables touch. */
  void countCompressed(DirectFile file, RefcountTable refcounts) throws IOException {
    ByteBuffer table = ByteBuffer.allocateDirect(1 << clusterBits);
    for (long l1Entry : l1) {
      long offset = l1Entry & Qcow2Constants.OFFSET_MASK;
      if (offset == 0) {
        continue;
      }
      file.read(table.clear(), offset);
      for (int i = 0; i < l2Entries; i++) {
        long entry = table.getLong(i * 8);
        if ((entry & Qcow2Constants.COMPRESSED) != 0) {
          CompressedRun run = CompressedRun.of(entry, clusterBits);
          refcounts.compressed(run.host(), run.length());
        }
      }
    }
  }

  /**
   * Takes the tables up again as they were at a state; what was written to them later is forgotten.
   *
   * @throws Qcow2FormatException when the file cannot be what the state says
   */
  void load(Path image, DirectFile file, WriterState state) throws IOException {
    long guestCluster = Math.ceilDiv(state.guestOffset(), 1L << clusterBits);
    int last = regionOf(guestCluster);
    ByteBuffer bytes = ByteBuffer.allocate(l1.length * 8);
    file.read(bytes, l1Offset);
    bytes.flip().asLongBuffer().get(l1);
    for (int index = 0; index < l1.length; index++) {
      long host = l1[index] & Qcow2Constants.OFFSET_MASK;
      if (index > last || host >= state.hostOffset()) {
        l1[index] = 0;
      } else if (l1[index] != 0
          && ((l1[index] & Qcow2Constants.L1_RESERVED) != 0 || host <= l1Offset)) {
        throw new Qcow2FormatException(
            image,
            l1Offset + index * 8L,
            "L1 entry 0x"
                + Long.toHexString(l1[index])
                + " is not one that was forced; the image must be written anew");
      }
    }
    begin(last);
    if (last < l1.length && l1[last] != 0) {
      ByteBuffer table = ByteBuffer.allocate(1 << clusterBits);
      file.read(table, tableOffset());
      LongBuffer entries = table.flip().asLongBuffer();
      entries.get(0, l2, 0, (int) (guestCluster % l2Entries));
      regionTouched = true;
    }
  }
}
