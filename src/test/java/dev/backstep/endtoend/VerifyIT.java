package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.Damage;
import dev.backstep.backup.ImageCheck;
import dev.backstep.backup.LayeredDisk;
import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.endtoend.ImageParts.Part;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/**
 * Images that rot. {@code -Dverify.flips=N} sets how many bits of data are flipped, {@code
 * -Dverify.seed=S} the seed.
 */
class VerifyIT extends RotTest {

  private static final int FLIPS = Integer.getInteger("verify.flips", 2000);
  private static final long SEED = Long.getLong("verify.seed", System.nanoTime());

  /** Of each cluster that is no data, in images of the size that backups make. */
  private static final int FLIPS_A_CLUSTER = 12;

  private static final int SMALL_BITS = 9;
  private static final int SMALL_BYTES = 130 << SMALL_BITS;

  private final Random random = new Random(SEED);
  private final Map<Part, Integer> found = new TreeMap<>();

  /** Reads an image and says what is wrong. */
  private interface Verifier {
    List<Damage> damages(ImageCheck check) throws IOException;
  }

  /** An image, and how it is opened for a check. */
  private record Rotting(DiskFolder folder, DiskBackupId id) {

    Path image() {
      return folder.image(id);
    }

    List<Damage> damages(Verifier verifier) throws IOException {
      try (ImageCheck check = new ImageCheck(folder, id)) {
        return verifier.damages(check);
      }
    }

    List<Checksum> ranges() throws IOException {
      List<Checksum> ranges = new ArrayList<>();
      try (ChecksumFile file = ChecksumFile.open(folder.checksums(id))) {
        for (Optional<Checksum> next = file.next(); next.isPresent(); next = file.next()) {
          ranges.add(next.get());
        }
      }
      return ranges;
    }
  }

  private Rotting rotting(JsonNode backup, int disk) throws IOException {
    return new Rotting(
        Repository.open(repository()).disk(new VmId("rot"), disk),
        new DiskBackupId(backup.get("disks").get(disk).get("id").asString()));
  }

  /** As the job does it. */
  private static List<Damage> all(ImageCheck check) throws IOException {
    List<Damage> damages = new ArrayList<>(check.structure());
    damages.addAll(data(check, damages.isEmpty()));
    return damages;
  }

  private static List<Damage> data(ImageCheck check, boolean named) throws IOException {
    List<Damage> damages = new ArrayList<>();
    check.openData(0, named);
    ImageCheck.Part part;
    do {
      part = check.data(1 << 20);
      damages.addAll(part.damages());
    } while (!part.last());
    return damages;
  }

  /** Half of the flips each. */
  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void everyFlippedBitIsFoundWhereItIs(ChecksumKind kind) throws Exception {
    if (kind == ChecksumKind.SHA_256) {
      Files.writeString(definition(), "checksum: sha-256\n", StandardOpenOption.APPEND);
    }
    JsonNode full = backUp();
    write(0, 3, 300, 1);
    write(1, 4, 300, 1);
    JsonNode overlay = backUp();
    int flips = 0;
    for (JsonNode backup : List.of(full, overlay)) {
      for (int disk = 0; disk < 2; disk++) {
        Rotting image = rotting(backup, disk);
        assertThat(image.ranges()).allMatch(range -> range.sum().kind() == kind);
        assertThat(image.damages(VerifyIT::all)).as("of a whole image").isEmpty();
        Map<Part, List<ByteRange>> parts = ImageParts.of(image.image());
        for (int i = 0; i < FLIPS / 8; i++) {
          flip(image, Part.DATA, in(oneOf(parts.get(Part.DATA))), VerifyIT::all);
          flips++;
        }
        parts.remove(Part.DATA);
        for (Map.Entry<Part, List<ByteRange>> part : parts.entrySet()) {
          for (ByteRange cluster : part.getValue()) {
            for (int i = 0; i < FLIPS_A_CLUSTER; i++) {
              flip(image, part.getKey(), in(cluster), check -> data(check, true));
              flips++;
            }
          }
        }
        flippedChecksums(image);
      }
    }
    wrote("full images and overlays, " + kind.title(), flips);
  }

  /** Of images with clusters of 512 bytes, so that it can be all of them. */
  @Test
  void everyByteOfHeaderAndTablesIsFoundWhereItIs() throws Exception {
    LayeredDisk disk = new LayeredDisk(folder.resolve("small"), SMALL_BITS);
    add(disk, ChecksumKind.CRC32C, 1, at -> at % 32 == 0 ? 'd' : 'k');
    add(disk, ChecksumKind.SHA_256, 2, at -> at % 40 == 7 ? 'd' : at % 9 == 2 ? 'z' : 'k');
    int flips = 0;
    for (DiskBackupId id : disk.ids) {
      Rotting image = new Rotting(disk.folder, id);
      assertThat(image.damages(VerifyIT::all)).as("of a whole image").isEmpty();
      Map<Part, List<ByteRange>> parts = ImageParts.of(image.image());
      assertThat(parts).containsOnlyKeys(Part.values());
      assertThat(parts.get(Part.L2)).as("tables").hasSizeGreaterThan(2);
      parts.remove(Part.DATA);
      for (Map.Entry<Part, List<ByteRange>> part : parts.entrySet()) {
        for (ByteRange cluster : part.getValue()) {
          for (long at = cluster.offset(); at < cluster.end(); at++) {
            flip(image, part.getKey(), at, VerifyIT::all);
            flips++;
          }
        }
      }
    }
    wrote("every byte of header and tables of a small full image and its overlay", flips);
  }

  private static void add(LayeredDisk disk, ChecksumKind kind, int seed, LayeredDisk.Layer layer)
      throws IOException {
    disk.add(SMALL_BYTES, Compression.NONE, kind, seed, layer);
  }

  private void wrote(String part, int flips) {
    new Reliability(Suite.VERIFY, part)
        .with("bits flipped", flips)
        .with("bits found", found.values().stream().mapToInt(count -> count).sum())
        .with("bits found by what they were of", found)
        .write();
  }

  @Test
  void verificationThatFindsNothingIsNoticed() throws Exception {
    Rotting image = rotting(backUp(), 0);
    Map<Part, List<ByteRange>> parts = ImageParts.of(image.image());
    for (Part part : Part.values()) {
      assertThatThrownBy(() -> flip(image, part, in(oneOf(parts.get(part))), check -> List.of()))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("bit ");
    }
    assertThat(found).isEmpty();
  }

  private static <T> T oneOf(List<T> all, Random random) {
    return all.get(random.nextInt(all.size()));
  }

  private ByteRange oneOf(List<ByteRange> all) {
    return oneOf(all, random);
  }

  private long in(ByteRange range) {
    return range.offset() + random.nextLong(range.length());
  }

  /** Fails unless a bit of that byte, when it is flipped, is found there and nowhere else. */
  private void flip(Rotting image, Part part, long offset, Verifier verifier) throws IOException {
    Checksum range =
        image.ranges().stream()
            .filter(one -> one.offset() <= offset && offset < one.offset() + one.lengthBytes())
            .findFirst()
            .orElseThrow();
    int bit = random.nextInt(8);
    flip(image.image(), offset, bit);
    List<Damage> damages = image.damages(verifier);
    flip(image.image(), offset, bit);
    List<Damage> data =
        damages.stream().filter(damage -> damage.kind() == Damage.Kind.DATA).toList();
    assertThat(data)
        .as("seed %s, bit %s of byte %s of %s, %s", SEED, bit, offset, image.image(), part)
        .singleElement()
        .satisfies(damage -> {
          assertThat(damage.range()).contains(new ByteRange(range.offset(), range.lengthBytes()));
          assertThat(damage.found()).isNotEqualTo(damage.expected());
          assertThat(damage.expected()).isEqualTo(range.sum().toString());
          if (part == Part.DATA) {
            assertThat(damage.disk()).isNotEmpty().allMatch(VerifyIT::isWritten);
          }
        });
    found.merge(part, 1, Integer::sum);
  }

  /** A part of the disk that something was written to. */
  private static boolean isWritten(ByteRange range) {
    return Stream.of(0L, 300L, 600L)
        .map(mib -> mib << 20)
        .anyMatch(begin -> range.offset() >= begin && range.end() <= begin + (1 << 20));
  }

  private void flippedChecksums(Rotting image) throws IOException {
    Path sums = image.folder().checksums(image.id());
    long at = random.nextLong(Files.size(sums));
    int bit = random.nextInt(8);
    flip(sums, at, bit);
    assertThat(image.damages(check -> check.structure()))
        .as("flipped checksums, seed %s", SEED)
        .anyMatch(damage -> damage.kind() == Damage.Kind.CHECKSUMS);
    flip(sums, at, bit);
  }

  /** A bit that was flipped: in which backup's image of which disk, and where in its file. */
  private record Flip(JsonNode backup, int disk, Part part, long offset, int bit) {

    boolean isFoundBy(JsonNode finding) {
      long from = finding.path("offset").asLong(Long.MAX_VALUE);
      return finding.get("kind").asString().equals("DATA")
          && isIts(finding)
          && from <= offset
          && offset < from + finding.get("length").asLong();
    }

    boolean isIts(JsonNode finding) {
      return finding.get("backup_id").asString().equals(id(backup))
          && finding.get("disk_id").asInt() == disk
          && finding.get("vm_name").asString().equals("rot")
          && finding.get("image").asString().equals(image(backup, disk).toString());
    }

    void flip() throws IOException {
      RotTest.flip(image(backup, disk), offset, bit);
    }
  }

  private Flip flip(JsonNode backup, int disk, Part part) throws IOException {
    long offset = in(oneOf(ImageParts.of(image(backup, disk)).get(part)));
    Flip flip = new Flip(backup, disk, part, offset, random.nextInt(8));
    flip.flip();
    return flip;
  }

  /** Each in an image whose other tables still say what there is. */
  @Test
  void jobNamesDiskAndRestorePointOfDamageOfEveryKind() throws Exception {
    JsonNode full = backUp();
    write(0, 3, 300, 1);
    write(1, 4, 300, 1);
    JsonNode overlay = backUp();
    List<Flip> flips =
        List.of(
            flip(full, 0, Part.HEADER),
            flip(full, 1, Part.L1),
            flip(full, 1, Part.DATA),
            flip(overlay, 0, Part.L2),
            flip(overlay, 0, Part.REFCOUNT_TABLE),
            flip(overlay, 1, Part.REFCOUNT_BLOCK),
            flip(overlay, 1, Part.DATA));

    Program.Result result = program.run("verify", "--all", "--json");

    assertThat(result.status()).as(result.errors()).isEqualTo(1);
    List<JsonNode> findings = result.json().get("findings").valueStream().toList();
    assertThat(flips)
        .as("seed %s: %s", SEED, findings)
        .allMatch(flip -> findings.stream().anyMatch(flip::isFoundBy));
    assertThat(findings)
        .as("seed %s: %s", SEED, flips)
        .allMatch(finding -> flips.stream().anyMatch(flip -> flip.isIts(finding)));
    assertThat(findings.stream().filter(finding -> finding.get("kind").asString().equals("DATA")))
        .hasSameSizeAs(flips);
    for (Flip flip : flips) {
      flip.flip();
    }
    assertThat(program.succeed("verify", "--all", "--json").json().get("findings").size()).isZero();
  }
}
