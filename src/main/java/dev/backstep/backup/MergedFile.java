package dev.backstep.backup;

import dev.backstep.qcow2.WriterState;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;

/** How the file of a merged image comes about. For one thread, but for {@link #durable}. */
interface MergedFile extends Closeable {

  /**
   * Stores some more.
   *
   * @return whether there was any
   */
  boolean put() throws IOException;

  /** As {@link ImageMerge#checkpoint}. */
  Optional<WriterState> checkpoint() throws IOException;

  /** As {@link ImageMerge#durable}. */
  Optional<WriterState> durable();

  /** As {@link ImageMerge#bytesTotal}. */
  long bytesTotal();

  /** As {@link ImageMerge#bytesDone}. */
  long bytesDone();

  /** Guest bytes stored as data, in whole clusters, before compression. */
  long bytesData();

  /**
   * Makes it an image, forced to disk.
   *
   * @return its length in bytes
   */
  long finish() throws IOException;
}
