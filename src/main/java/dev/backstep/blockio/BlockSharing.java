package dev.backstep.blockio;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Lets one file share blocks with others instead of having copies of them, as XFS and Btrfs can
 * (ioctl_ficlonerange(2)). For one thread; the caller closes it.
 *
 * <pre>
 * struct file_clone_range: src_fd 0:8, src_offset 8:8, src_length 16:8, dest_offset 24:8 (host order)
 * </pre>
 */
public final class BlockSharing implements Closeable {

  /** What offsets and lengths are multiples of: the largest block of any usual file system. */
  public static final int ALIGNMENT_BYTES = 4096;

  private final int target;
  private final Map<Path, Integer> sources = new HashMap<>();

  private BlockSharing(int target) {
    this.target = target;
  }

  /** Opens the file that is to share others' blocks. */
  public static BlockSharing into(Path target) throws IOException {
    return new BlockSharing(Kernel.openForWriting(target));
  }

  /**
   * Makes a range of the file the same blocks as one of another file.
   *
   * @param length bytes that the source has; all three are multiples of {@link #ALIGNMENT_BYTES}
   * @return whether it was done; not where the file system, or the two of them, cannot
   */
  public boolean share(Path source, long sourceOffset, long length, long targetOffset)
      throws IOException {
    Integer known = sources.get(source);
    int fd = known == null ? Kernel.openReadOnly(source) : known;
    sources.put(source, fd);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment range = arena.allocate(32, 8);
      range.set(ValueLayout.JAVA_LONG, 0, fd);
      range.set(ValueLayout.JAVA_LONG, 8, sourceOffset);
      range.set(ValueLayout.JAVA_LONG, 16, length);
      range.set(ValueLayout.JAVA_LONG, 24, targetOffset);
      return FileCalls.current().share(target, range);
    }
  }

  @Override
  public void close() {
    sources.values().forEach(Kernel::close);
    Kernel.close(target);
  }
}
