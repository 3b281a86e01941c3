package dev.backstep.blockio;

import java.lang.foreign.MemorySegment;

/**
 * Memory that the system backs by huge pages where it can. A block of small pages reaches the disk
 * in as many requests as it takes to name all of them, which costs most when several files are
 * written at once; a huge page is named once. Thread-safe.
 */
final class HugePages {

  /** Size of a huge page on x86-64, and on ARM with pages of 4 KiB. */
  static final long BYTES = 2 << 20;

  private static final int MADV_HUGEPAGE = 14;

  private HugePages() {}

  /**
   * @param length bytes, a multiple of {@link #BYTES}
   * @return memory that begins at a multiple of {@link #BYTES}, to be given to {@link #unmap}
   * @throws OutOfMemoryError when there is no room for it
   */
  static MemorySegment map(long length) {
    Kernel.Result mapped = Kernel.map(length + BYTES);
    if (mapped.failed()) {
      throw new OutOfMemoryError("cannot map " + length + " bytes, error number " + mapped.errno());
    }
    long address = Math.ceilDiv(mapped.value(), BYTES) * BYTES;
    cut(mapped.value(), address);
    cut(address + length, mapped.value() + length + BYTES);
    MemorySegment memory = MemorySegment.ofAddress(address).reinterpret(length);
    // A kernel without huge pages refuses: small ones do, too.
    Kernel.madvise(memory, length, MADV_HUGEPAGE);
    return memory;
  }

  private static void cut(long from, long to) {
    if (to > from) {
      Kernel.unmap(from, to - from);
    }
  }

  /** Nothing may touch the memory any more. */
  static void unmap(MemorySegment memory) {
    Kernel.unmap(memory.address(), memory.byteSize());
  }
}
