package dev.backstep.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One fault per test: what is found, where, and that QEMU finds it, too. */
class Qcow2CheckerTests {

  private static final int CLUSTER = 65536;

  @TempDir Path folder;

  /** Clusters 0 to 3 of the disk hold data, in this order. */
  private Path image() {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "1M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 256k", image);
    return image;
  }

  private Path compressed() throws IOException {
    Path model = folder.resolve("model.raw");
    Files.write(model, Qcow2WriterTests.disk(1 << 20, 3));
    Path image = folder.resolve("compressed.qcow2");
    Tool.run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", model, image);
    return image;
  }

  /** Checks that QEMU says the same, and that there is one finding, at a byte. */
  private static Finding onlyFinding(Path image, long at) throws IOException {
    CheckResult result = agreed(image);
    assertThat(result.findings()).hasSize(1);
    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(at);
    return result.findings().getFirst();
  }

  private static CheckResult agreed(Path image) throws IOException {
    CheckResult result = Qcow2Checker.check(image);
    QemuCheck qemu = QemuCheck.of(image);
    assertThat(result.corruptions()).as(qemu.output()).isEqualTo(qemu.corruptions());
    assertThat(result.leaks()).as(qemu.output()).isEqualTo(qemu.leaks());
    return result;
  }

  @Test
  void findsNothingInASoundImage() throws IOException {
    CheckResult result = agreed(image());

    assertThat(result.isClean()).isTrue();
    assertThat(result.findings()).isEmpty();
    assertThat(result.allocatedClusters()).isEqualTo(4);
  }

  @Test
  void findsAClusterThatNothingRefersTo() throws IOException {
    Path image = image();
    long leaked;
    try (PatchedImage patch = new PatchedImage(image)) {
      leaked = patch.target(patch.l2Entry(2));
      patch.put(patch.l2Entry(2), 0);
    }

    Finding finding = onlyFinding(image, leaked);

    assertThat(finding.severity()).isEqualTo(Finding.Severity.LEAK);
    assertThat(finding)
        .hasToString(
            "at byte "
                + leaked
                + ": refcount 1, expected 0, as many as refer to the cluster; the cluster's room is"
                + " not used again");
  }

  @Test
  void findsAClusterWhoseRefcountIsTooLow() throws IOException {
    Path image = image();
    long at;
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(1);
      at = patch.target(entry);
      patch.setRefcount(at, 0);
      patch.put(entry, patch.target(entry)); // else the flag COPIED is wrong, too
    }

    Finding finding = onlyFinding(image, at);

    assertThat(finding.severity()).isEqualTo(Finding.Severity.CORRUPTION);
    assertThat(finding.found()).isEqualTo("refcount 0");
    assertThat(finding.expected()).startsWith("1, ");
    assertThat(finding.meaning()).contains("overwritten while in use");
  }

  @Test
  void findsTheFlagCopiedWhereItIsMissing() throws IOException {
    Path image = image();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(3);
      patch.put(entry, patch.target(entry));
    }

    assertThat(onlyFinding(image, entry).found()).startsWith("no flag COPIED");
  }

  @Test
  void findsTheFlagCopiedWhereItMustNotBe() throws IOException {
    Path image = image();
    long first;
    long second;
    try (PatchedImage patch = new PatchedImage(image)) {
      first = patch.l2Entry(0);
      second = patch.l2Entry(1);
      long leaked = patch.target(second);
      patch.put(second, patch.get(first));
      patch.setRefcount(patch.target(first), 2);
      patch.setRefcount(leaked, 0);
    }

    CheckResult result = agreed(image);

    assertThat(result.findings())
        .extracting(Finding::offsetBytes)
        .containsExactlyInAnyOrder(first, second);
    assertThat(result.findings())
        .allSatisfy(finding -> assertThat(finding.found()).startsWith("the flag COPIED, but"));
  }

  @Test
  void findsTheFlagCopiedAtTheL1Table() throws IOException {
    Path image = image();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l1Entry(0);
      patch.put(entry, patch.target(entry));
    }

    assertThat(onlyFinding(image, entry).found()).startsWith("no flag COPIED");
  }

  @Test
  void findsAnL1EntryThatIsNothingButAFlag() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "2G");
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l1Entry(1);
      patch.put(entry, Qcow2Constants.COPIED);
    }

    assertThat(QemuCheck.of(image).corruptions()).isPositive();
    assertThat(Qcow2Checker.check(image).findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.offsetBytes()).isEqualTo(entry))
        .satisfies(finding -> assertThat(finding.found()).isEqualTo("L1 entry 0x8000000000000000"));
  }

  @Test
  void findsAnEntryThatPointsBehindTheEndOfTheFile() throws IOException {
    Path image = image();
    long entry;
    long leaked;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(0);
      leaked = patch.target(entry);
      patch.put(entry, (1L << 40) | Qcow2Constants.COPIED);
    }

    CheckResult result = Qcow2Checker.check(image);

    assertThat(QemuCheck.of(image).corruptions()).isPositive();
    assertThat(result.corruptions()).isEqualTo(1);
    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(entry);
    assertThat(result.findings().getFirst().found())
        .isEqualTo("a data cluster at byte " + (1L << 40));
    assertThat(result.leaks()).isEqualTo(1);
    assertThat(result.findings().getLast().offsetBytes()).isEqualTo(leaked);
  }

  @Test
  void findsAnEntryThatPointsBetweenClusters() throws IOException {
    Path image = image();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(0);
      patch.put(entry, patch.get(entry) + 512);
    }

    CheckResult result = agreed(image);

    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(entry);
    assertThat(result.findings().getFirst().expected())
        .contains("multiple of the cluster size 65536");
  }

  @Test
  void findsReservedBits() throws IOException {
    Path image = image();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(0);
      patch.put(entry, patch.get(entry) | 1L << 57);
    }

    assertThat(onlyFinding(image, entry).expected()).isEqualTo("reserved bits that are 0");
  }

  /** QEMU goes by the refcount alone here. */
  @Test
  void findsDataWhereATableLies() throws IOException {
    Path image = image();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(5);
      patch.put(entry, patch.target(patch.l1Entry(0)));
      patch.put(patch.l1Entry(0), patch.target(patch.l1Entry(0)));
      patch.setRefcount(patch.target(entry), 2);
    }

    CheckResult result = Qcow2Checker.check(image);

    assertThat(result.findings()).hasSize(1);
    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(entry);
    assertThat(result.findings().getFirst().found()).endsWith("where a table lies");
  }

  @Test
  void findsATableThatTwoEntriesShareAndReadsItOnce() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "2G");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 256k", image);
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l1Entry(2);
      patch.put(entry, patch.get(patch.l1Entry(0)));
    }

    CheckResult result = Qcow2Checker.check(image);

    assertThat(QemuCheck.of(image).corruptions()).isPositive();
    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(entry);
    assertThat(result.findings().getFirst().found()).contains("in use for something else");
    assertThat(result.allocatedClusters()).isEqualTo(4);
  }

  @Test
  void findsCompressedDataWithTheFlagCopied() throws IOException {
    Path image = compressed();
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(0);
      for (int i = 0; (patch.get(entry) & Qcow2Constants.COMPRESSED) == 0; i++) {
        entry = patch.l2Entry(i);
      }
      patch.put(entry, patch.get(entry) | Qcow2Constants.COPIED);
    }

    assertThat(onlyFinding(image, entry).found()).contains("compressed").contains("COPIED");
  }

  @Test
  void findsCompressedDataOutOfTheFile() throws IOException {
    Path image = compressed();
    long end = Files.size(image);
    long entry;
    try (PatchedImage patch = new PatchedImage(image)) {
      entry = patch.l2Entry(0);
      for (int i = 0; (patch.get(entry) & Qcow2Constants.COMPRESSED) == 0; i++) {
        entry = patch.l2Entry(i);
      }
      patch.put(entry, Qcow2Constants.COMPRESSED | end + 10 * CLUSTER);
    }

    CheckResult result = Qcow2Checker.check(image);

    assertThat(QemuCheck.of(image).corruptions()).isPositive();
    assertThat(result.findings().getFirst().offsetBytes()).isEqualTo(entry);
    assertThat(result.findings().getFirst().found()).startsWith("compressed data at byte ");
  }

  @Test
  void findsEveryClusterThatATruncatedFileHasLost() throws IOException {
    Path image = image();
    try (PatchedImage patch = new PatchedImage(image)) {
      patch.truncate(patch.target(patch.l2Entry(2)));
    }

    CheckResult result = agreed(image);

    assertThat(result.corruptions()).isEqualTo(2);
    assertThat(result.findings())
        .allSatisfy(finding -> assertThat(finding.meaning()).contains("truncated"));
  }

  @Test
  void listsTheFirstThousandFindingsAndCountsAll() throws IOException {
    Path image = folder.resolve("image.qcow2");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", image, "200M");
    Tool.run("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 150M", image);
    try (PatchedImage patch = new PatchedImage(image)) {
      for (int i = 0; i < 2000; i++) {
        patch.put(patch.l2Entry(i), 0);
      }
    }

    CheckResult result = agreed(image);

    assertThat(result.leaks()).isEqualTo(2000);
    assertThat(result.findings()).hasSize(CheckResult.FINDINGS_MAX);
  }

  @Test
  void refusesAnL1TableThatIsTooSmallForTheDisk() throws IOException {
    Path image = image();
    try (PatchedImage patch = new PatchedImage(image)) {
      patch.put(24, 1L << 40);
    }

    assertThatThrownBy(() -> Qcow2Checker.check(image))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("at byte 36: L1 table of 1 entries, expected 2048 to 4194304");
  }

  @Test
  void refusesARefcountTableThatCannotBeOne() throws IOException {
    Path image = image();
    for (int clusters : new int[] {0, 129, -1}) {
      try (PatchedImage patch = new PatchedImage(image)) {
        patch.putInt(56, clusters);
      }

      assertThatThrownBy(() -> Qcow2Checker.check(image))
          .isInstanceOf(Qcow2FormatException.class)
          .hasMessageContaining("at byte 56: refcount table of ");
    }
  }

  @Test
  void refusesFeaturesThatItDoesNotKnow() throws IOException {
    Path image = image();
    try (PatchedImage patch = new PatchedImage(image)) {
      patch.put(72, 1L << 40);
    }

    assertThatThrownBy(() -> Qcow2Checker.check(image))
        .isInstanceOf(Qcow2FormatException.class)
        .hasMessageContaining("incompatible features 0x10000000000 are not known");
  }

  @Test
  void countsInTwoBitsAndWidensWherePagesNeedIt() {
    ReferenceCounts counts = new ReferenceCounts(100_000);
    for (int i = 0; i < 100_000; i += 3) {
      counts.add(i, i % 2 == 0);
    }
    for (int i = 0; i < 300; i++) {
      counts.add(5000, false);
    }
    counts.add(9000, false);

    for (int i = 0; i < 100_000; i++) {
      int expected = (i % 3 == 0 ? 1 : 0) + (i == 5000 ? 300 : 0) + (i == 9000 ? 1 : 0);
      assertThat(counts.count(i)).isEqualTo(expected);
      assertThat(counts.isMetadata(i)).isEqualTo(i % 6 == 0);
    }
  }
}
