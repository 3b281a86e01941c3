package dev.backstep.blockio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A file system that shares blocks while a test runs, whatever the real one can: files get copies
 * of them. An extension that each test has one of its own of.
 */
public final class SharedBlocks extends FileCalls implements BeforeEachCallback, AfterEachCallback {

  /** A range that was shared. */
  public record Shared(Path source, long sourceOffset, long length, Path target) {}

  private final List<Shared> shared = new ArrayList<>();
  private final Set<Path> refused = new HashSet<>();

  private int room = Integer.MAX_VALUE;

  @Override
  public void beforeEach(ExtensionContext test) {
    FileCalls.use(this);
  }

  /** From now on the disk is full behind so many calls; those before count anew. */
  public synchronized void leaveRoom(int calls) {
    shared.clear();
    room = calls;
  }

  /** From now on the blocks of a file cannot be shared. */
  public synchronized void refuse(Path source) {
    refused.add(source);
  }

  /** All that were shared so far. */
  public synchronized List<Shared> shared() {
    return List.copyOf(shared);
  }

  /** As strict as ioctl_ficlonerange(2). */
  @Override
  synchronized boolean share(
      Open target, Open source, long sourceOffset, long length, long targetOffset)
      throws IOException {
    if (refused.contains(source.file())
        || length < 1
        || ((sourceOffset | length | targetOffset) & 4095) != 0) {
      return false;
    }
    if (shared.size() >= room) {
      throw new IOException(Kernel.text(Kernel.ENOSPC));
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length);
    try (FileChannel from = FileChannel.open(source.file(), StandardOpenOption.READ);
        FileChannel to = FileChannel.open(target.file(), StandardOpenOption.WRITE)) {
      if (from.read(bytes, sourceOffset) < length) {
        return false;
      }
      to.write(bytes.flip(), targetOffset);
    }
    shared.add(new Shared(source.file(), sourceOffset, length, target.file()));
    return true;
  }

  @Override
  public void afterEach(ExtensionContext test) {
    FileCalls.use(new FileCalls());
  }
}
