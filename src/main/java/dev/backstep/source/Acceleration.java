package dev.backstep.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this machine's KVM runs guests. That {@code /dev/kvm} can be opened does not say so: in
 * some containers and nested machines a guest never executes its first instruction, or QEMU ends
 * when it sets up the processor. So it is put to the test, once per process: a boot sector that
 * ends its machine at once.
 */
public final class Acceleration {

  private static final Logger log = LoggerFactory.getLogger(Acceleration.class);

  private static final Duration PROBE_MAX = Duration.ofSeconds(10);
  private static final int SECTOR_BYTES = 512;

  /** Port of QEMU's isa-debug-exit; a byte v written to it ends QEMU with status 2v + 1. */
  private static final int EXIT_PORT = 0xf4;

  private static final int EXIT_VALUE = 0x21;

  private static final class Found {
    static final boolean KVM = probe();
  }

  private Acceleration() {}

  /** Whether guests run on KVM here; else they are emulated, which is far slower. */
  public static boolean kvm() {
    return Found.KVM;
  }

  private static boolean probe() {
    if (!Files.isWritable(Path.of("/dev/kvm"))) {
      return false;
    }
    try {
      Path sector = Files.createTempFile("backstep-kvm-", ".img");
      try {
        Files.write(sector, bootSector());
        return ToolRunner.run(PROBE_MAX, command(sector)).status() == 2 * EXIT_VALUE + 1;
      } finally {
        Files.delete(sector);
      }
    } catch (SourceException e) {
      log.info("KVM is there and runs no guest; machines are emulated: {}", e.getMessage());
      return false;
    } catch (IOException e) {
      log.warn("whether KVM runs guests cannot be found out; machines are emulated", e);
      return false;
    }
  }

  private static List<String> command(Path sector) {
    return List.of(
        "qemu-system-x86_64",
        "-accel",
        "kvm",
        "-cpu",
        "max",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-m",
        "16",
        "-device",
        "isa-debug-exit,iobase=" + EXIT_PORT + ",iosize=1",
        "-drive",
        "format=raw,snapshot=on,file=" + sector);
  }

  /** mov al, value; out port, al; hlt; and the signature that makes it bootable. */
  private static byte[] bootSector() {
    return ByteBuffer.allocate(SECTOR_BYTES)
        .put(new byte[] {(byte) 0xb0, EXIT_VALUE, (byte) 0xe6, (byte) EXIT_PORT, (byte) 0xf4})
        .put(SECTOR_BYTES - 2, (byte) 0x55)
        .put(SECTOR_BYTES - 1, (byte) 0xaa)
        .array();
  }
}
