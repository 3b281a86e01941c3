package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCheck;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MovedImageTests {

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void whatAnotherProgramWroteGetsTheChecksumsThatAreAskedFor(ChecksumKind kind) throws Exception {
    Path path = folder.resolve("image");
    Path sums = folder.resolve("sums");
    MovedImage image = new MovedImage(5_000_000, Optional.empty());
    image.create(path);
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -q -P 3 1M 3M", path);

    MovedImage.Checked checked = image.check(path, sums, kind);

    assertThat(checked.checksumsSha256()).isEqualTo(ChecksumFile.sha256(sums));
    List<Checksum> all = new ArrayList<>();
    try (ChecksumFile file = ChecksumFile.open(sums);
        ChecksumCheck check = ChecksumCheck.open(path)) {
      for (Optional<Checksum> one = file.next(); one.isPresent(); one = file.next()) {
        all.add(one.get());
      }
      assertThat(check.check(all)).isEmpty();
    }
    assertThat(all).allMatch(one -> one.sum().kind() == kind);
    assertThat(all.stream().mapToLong(Checksum::lengthBytes).sum()).isEqualTo(Files.size(path));
  }
}
