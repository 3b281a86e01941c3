package dev.backstep.fuzz;

import dev.backstep.domain.ByteRange;
import dev.backstep.domain.Compression;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.testing.HeapBlock;
import dev.backstep.testing.TemporaryHome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A folder for what is fuzzed, with a sound image {@code b}. */
final class FuzzFolder {

  private static final int DISK_BYTES = 4 << 10;

  private FuzzFolder() {}

  /** Gone with the process. */
  static Path make() {
    Path folder = TemporaryHome.make();
    Qcow2Spec spec = new Qcow2Spec(DISK_BYTES, Optional.empty(), 9, Compression.NONE, 0);
    try (Qcow2Writer writer = Qcow2Writer.create(folder.resolve("b"), spec)) {
      byte[] disk = new byte[DISK_BYTES];
      disk[0] = 1;
      writer.write(new HeapBlock(disk, List.of(new ByteRange(0, DISK_BYTES))));
      writer.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return folder;
  }
}
