package dev.backstep.qcow2;

import dev.backstep.blockio.Checksum;
import java.io.IOException;
import java.util.List;

/** Puts bytes into an image's file that are somewhere else already. */
@FunctionalInterface
public interface Sharing {

  /**
   * @param offset bytes from the start of what is shared
   * @param host place in the image's file, cluster aligned
   * @return the checksums of these bytes, as they lie in the image's file; empty when it cannot be
   *     done, and then nothing was
   */
  List<Checksum> share(long offset, long length, long host) throws IOException;
}
