package dev.backstep.qcow2;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** Ends the opening of a chain that loops or would not fit in memory. Used by one thread. */
final class ChainLimits {

  private static final int IMAGES_MAX = 1000;

  /**
   * L1 tables are held while a chain is open: 1000 images of a disk of 4 TiB in clusters of 64 KiB
   * take 64 MiB.
   */
  private static final long L1_BYTES_MAX = 64L << 20;

  private final Path top;
  private final Set<Path> entered = new HashSet<>();
  private long l1Bytes;

  ChainLimits(Path top) {
    this.top = top;
  }

  /**
   * @throws Qcow2FormatException when the image has been entered before, or too many were
   */
  void enter(Path image) throws IOException {
    if (!entered.add(image.toRealPath())) {
      throw bad("backing files are a loop: " + image + " is reached a second time");
    }
    if (entered.size() > IMAGES_MAX) {
      throw bad("the chain has more than " + IMAGES_MAX + " images");
    }
  }

  /**
   * @throws Qcow2FormatException when the L1 tables of the chain are too large together
   */
  void opened(Qcow2Header header) throws Qcow2FormatException {
    l1Bytes += header.l1Entries() * 8L;
    if (l1Bytes > L1_BYTES_MAX) {
      throw bad(
          "the chain's L1 tables take more than "
              + L1_BYTES_MAX
              + " bytes; `qemu-img convert` makes one image of it");
    }
  }

  private Qcow2FormatException bad(String problem) {
    return new Qcow2FormatException(top, 8, problem);
  }
}
