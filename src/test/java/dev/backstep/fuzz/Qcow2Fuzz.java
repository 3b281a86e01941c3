package dev.backstep.fuzz;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.PartVisitor;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ByteRange;
import dev.backstep.qcow2.Qcow2Checker;
import dev.backstep.qcow2.Qcow2Reader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;

/** An image: opened, walked, read and checked. It may name a sound one, {@code b}, and itself. */
public final class Qcow2Fuzz {

  private static final Path FOLDER = FuzzFolder.make();
  private static final Path IMAGE = FOLDER.resolve("a");
  private static final int READ_BYTES = 1 << 20;

  private Qcow2Fuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    Files.write(IMAGE, input);
    read();
    try {
      Qcow2Checker.check(IMAGE);
    } catch (IOException e) {
      return; // refused
    }
  }

  private static void read() {
    try (Qcow2Reader reader = Qcow2Reader.open(IMAGE, 2)) {
      for (Path file : reader.chain()) {
        if (!file.toRealPath().startsWith(FOLDER.toRealPath())) {
          throw new AssertionError("left the folder: " + file);
        }
      }
      reader.allocated((offset, length, kind) -> {
        if (offset < 0 || length < 1 || length > reader.sizeBytes() - offset) {
          throw new AssertionError("extent " + offset + " + " + length);
        }
      });
      long size = reader.sizeBytes();
      int length = (int) Math.min(READ_BYTES, size);
      if (length > 0) {
        for (long at : new long[] {0, size / 2 - Math.min(size / 2, length), size - length}) {
          reader.parts(at, length, new NoParts());
          try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
            if (block.bytes(0).remaining() != length) {
              throw new AssertionError("a block of another length");
            }
          }
        }
      }
    } catch (IOException e) {
      return; // refused
    } catch (CompletionException e) {
      if (!(e.getCause() instanceof IOException)) {
        throw e;
      }
    }
  }

  private static final class NoParts implements PartVisitor {
    @Override
    public void file(ReadOnlyFile file, long offset, long length) {}

    @Override
    public void bytes(ByteBuffer bytes) {}

    @Override
    public void zeros(long length) {}
  }
}
