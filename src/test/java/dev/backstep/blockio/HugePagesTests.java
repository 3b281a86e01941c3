package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class HugePagesTests {

  /** A kernel that has none gives small pages, which are as good but for the speed. */
  @Test
  void buffersOfAPoolAreAskedForInHugePages() throws IOException {
    boolean hasAny = Files.exists(Path.of("/sys/kernel/mm/transparent_hugepage"));
    try (BufferPool pool = new BufferPool(1)) {
      ByteBuffer buffer = pool.acquire();
      long address = MemorySegment.ofBuffer(buffer).address();

      assertThat(address % HugePages.BYTES).isZero();
      assertThat(flagsAt(address).contains(" hg")).isEqualTo(hasAny);
      pool.release(buffer);
    }
  }

  @Test
  void memoryIsZeroedAndItsOwnersAlone() {
    MemorySegment first = HugePages.map(HugePages.BYTES);
    MemorySegment second = HugePages.map(2 * HugePages.BYTES);
    second.fill((byte) 1);

    assertThat(first.byteSize()).isEqualTo(HugePages.BYTES);
    assertThat(first.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    HugePages.unmap(first);
    assertThat(second.asSlice(second.byteSize() - 1).get(ValueLayout.JAVA_BYTE, 0))
        .isEqualTo((byte) 1);
    HugePages.unmap(second);
  }

  /** What the system notes of the mapping that an address lies in (proc_pid_smaps(5)). */
  private static String flagsAt(long address) throws IOException {
    boolean inside = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
        String[] range = line.substring(0, line.indexOf(' ')).split("-");
        inside =
            Long.parseUnsignedLong(range[0], 16) <= address
                && address < Long.parseUnsignedLong(range[1], 16);
      } else if (inside && line.startsWith("VmFlags:")) {
        return line;
      }
    }
    return "";
  }
}
