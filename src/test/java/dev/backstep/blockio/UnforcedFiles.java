package dev.backstep.blockio;

import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Forces nothing, for tests of which no power cut is a part. */
public final class UnforcedFiles extends FileCalls implements AutoCloseable {

  private UnforcedFiles() {}

  /** From now on until it is closed. */
  public static UnforcedFiles begin() {
    UnforcedFiles files = new UnforcedFiles();
    FileCalls.use(files);
    return files;
  }

  @Override
  void force(Path file, FileChannel channel) {}

  @Override
  void forceFolder(Path folder) {}

  @Override
  public void close() {
    FileCalls.use(new FileCalls());
  }
}
