package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Lets one file share blocks with others instead of having copies of them, as XFS and Btrfs can
 * (ioctl_ficlonerange(2)). For one thread; the caller closes it.
 */
public final class BlockSharing implements Closeable {

  /** What offsets and lengths are multiples of: the largest block of any usual file system. */
  public static final int ALIGNMENT_BYTES = 4096;

  private final FileCalls.Open target;
  private final Map<Path, Integer> sources = new HashMap<>();

  private BlockSharing(FileCalls.Open target) {
    this.target = target;
  }

  /** Opens the file that is to share others' blocks. */
  public static BlockSharing into(Path target) throws IOException {
    return new BlockSharing(new FileCalls.Open(target, Kernel.openForWriting(target)));
  }

  /**
   * Makes a range of the file the same blocks as one of another file.
   *
   * @param length bytes that the source has; all three are multiples of {@link #ALIGNMENT_BYTES}
   * @return whether it was done; not where the file system, or the two of them, cannot
   * @throws IOException when they can and it failed, as for want of space
   */
  public boolean share(Path source, long sourceOffset, long length, long targetOffset)
      throws IOException {
    Integer known = sources.get(source);
    int fd = known == null ? Kernel.openReadOnly(source) : known;
    sources.put(source, fd);
    return FileChanges.share(
        target, new FileCalls.Open(source, fd), sourceOffset, length, targetOffset);
  }

  @Override
  public void close() {
    sources.values().forEach(Kernel::close);
    Kernel.close(target.fd());
  }
}
