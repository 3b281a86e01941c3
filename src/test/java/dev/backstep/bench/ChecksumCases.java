package dev.backstep.bench;

import dev.backstep.backup.ImageCopy;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.image.ImageSourceProvider;
import dev.backstep.source.nbd.NbdSourceProvider;
import dev.backstep.testing.Tool;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The classes that copy a disk, with and without the checksums that verifying needs. A raw file is
 * copied without a processor touching it, so that theirs is all that it does.
 */
final class ChecksumCases extends BenchCase {

  private static final SourceProvider IMAGE = new ImageSourceProvider();

  ChecksumCases(TestBed bed) {
    super(bed);
  }

  void checksums(Path raw) throws Exception {
    Process server = serve(raw, "raw", "sums.sock", "-r");
    try {
      SourceDefinition export = nbd("sums.sock", Map.of());
      ChecksumKind crc = ChecksumKind.CRC32C;
      compare(raw, new NbdSourceProvider(), export, "checksums while writing, over NBD", crc, 1.03);
      compare(raw, IMAGE, images(raw), "checksums while writing", crc, 1.03);
    } finally {
      server.destroy();
      server.waitFor();
    }
    compare(raw, IMAGE, images(raw), "SHA-256 while writing", ChecksumKind.SHA_256, 2.00);
  }

  private void compare(
      Path raw,
      SourceProvider provider,
      SourceDefinition source,
      String title,
      ChecksumKind kind,
      double goal)
      throws Exception {
    Path with = folder.resolve("with.qcow2");
    Path without = folder.resolve("without.qcow2");
    rows.add(
        measure.compare(
            title,
            "the same copy without",
            goal,
            () -> Measure.inProcess(() -> ImageCopy.run(provider, source, with, Optional.of(kind))),
            () ->
                Measure.inProcess(() -> ImageCopy.run(provider, source, without, Optional.empty())),
            () -> {
              for (Path image : List.of(with, without)) {
                Tool.checkImage(image);
                Tool.compare(image, "qcow2", raw, "raw");
                remove(image);
              }
              remove(ImageCopy.checksums(with));
            }));
  }
}
