package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.Damage;
import dev.backstep.backup.ImageCheck;
import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Reliability;
import dev.backstep.testing.Suite;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/**
 * Images that rot. {@code -Dverify.flips=N} sets how many bits are flipped, {@code -Dverify.seed=S}
 * the seed.
 */
class VerifyIT {

  /** A verification looks up the places on the disk of an image's first findings only. */
  private static final int FLIPS_A_CHECK = 8;

  private static final int FLIPS = Integer.getInteger("verify.flips", 2000);
  private static final long SEED = Long.getLong("verify.seed", System.nanoTime());

  @TempDir private Path folder;

  private Program program;
  private final List<Path> disks = new ArrayList<>();

  @BeforeEach
  void makeMachine() throws IOException {
    program = new Program(folder);
    StringBuilder definition = new StringBuilder("vm: rot\nsource:\n  type: image\n  disks:\n");
    for (int i = 0; i < 2; i++) {
      Path disk = folder.resolve("d" + i + ".qcow2");
      disks.add(disk);
      Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "700M");
      write(i, 1, 0, 1);
      write(i, 2, 600, 1);
      definition.append("    - { key: k").append(i).append(", path: ").append(disk).append(" }\n");
    }
    definition.append("repository: ").append(repository()).append('\n');
    Files.createDirectory(folder.resolve("jobs"));
    Files.writeString(definition(), definition);
  }

  private Path definition() {
    return folder.resolve("jobs/rot.yaml");
  }

  private Path repository() {
    return folder.resolve("repository");
  }

  private void write(int disk, int pattern, int atMib, int mib) {
    String command = "write -q -P " + pattern + " " + atMib + "M " + mib + "M";
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disks.get(disk));
  }

  private JsonNode backUp() throws Exception {
    return program.succeed("backup", "rot", "--json").json();
  }

  private static String id(JsonNode backup) {
    return backup.get("backup_id").asString();
  }

  private static Path image(JsonNode backup, int disk) {
    return Path.of(backup.get("disks").get(disk).get("image").asString());
  }

  private static void flip(Path file, long offset, int bit) throws IOException {
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
      open.seek(offset);
      int old = open.read();
      open.seek(offset);
      open.write(old ^ 1 << bit);
    }
  }

  private ImageCheck check(JsonNode backup, int disk) throws IOException {
    DiskFolder images = Repository.open(repository()).disk(new VmId("rot"), disk);
    return new ImageCheck(
        images, new DiskBackupId(backup.get("disks").get(disk).get("id").asString()));
  }

  private static List<Damage> damages(ImageCheck check) throws IOException {
    List<Damage> damages = new ArrayList<>(check.structure());
    try {
      if (check.canCheckData()) {
        damages.addAll(data(check));
      }
    } catch (IOException e) {
      damages.add(Damage.unreadable(e)); // as the job does
    }
    return damages;
  }

  private static List<Damage> data(ImageCheck check) throws IOException {
    List<Damage> damages = new ArrayList<>();
    check.openData(0, true);
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
    int found = flip(List.of(full, overlay), FLIPS / 2, kind, check -> data(check));
    new Reliability(Suite.VERIFY, "full images and overlays, " + kind.title())
        .with("bits flipped", FLIPS / 8 * 4)
        .with("bits found", found)
        .write();
    assertThatThrownBy(() -> flip(List.of(full, overlay), 8, kind, check -> List.of()))
        .as("a verification that finds nothing is noticed")
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("bit ");
  }

  /** Reads an image and says what is wrong. */
  private interface Verifier {
    List<Damage> damages(ImageCheck check) throws IOException;
  }

  /** Fails unless each flipped bit is found where it is; returns how many were. */
  private int flip(List<JsonNode> backups, int flips, ChecksumKind kind, Verifier verifier)
      throws IOException {
    Random random = new Random(SEED);
    int found = 0;
    for (JsonNode backup : backups) {
      for (int disk = 0; disk < 2; disk++) {
        Path image = image(backup, disk);
        Path sums = Path.of(image.toString().replace(".qcow2", ".sums"));
        List<Checksum> ranges = ranges(sums);
        assertThat(ranges).allMatch(range -> range.sum().kind() == kind);
        try (ImageCheck check = check(backup, disk)) {
          assertThat(damages(check)).as("of a whole image").isEmpty();
        }
        for (int from = 0; from < flips / 4; from += FLIPS_A_CHECK) {
          try (ImageCheck check = check(backup, disk)) {
            int to = Math.min(flips / 4, from + FLIPS_A_CHECK);
            flip(
                image,
                ranges,
                from,
                to,
                random,
                i -> i % 8 > 5 ? damages(check) : verifier.damages(check));
            found += to - from;
          }
        }
        try (ImageCheck check = check(backup, disk)) {
          long at = random.nextLong(Files.size(sums));
          int bit = random.nextInt(8);
          flip(sums, at, bit);
          assertThat(damages(check)).as("flipped checksums, seed %s", SEED).isNotEmpty();
          flip(sums, at, bit);
        }
      }
    }
    return found;
  }

  /** What is found of the damage of a flip. */
  private interface Finder {
    List<Damage> damages(int flip) throws IOException;
  }

  private static void flip(
      Path image, List<Checksum> ranges, int from, int to, Random random, Finder finder)
      throws IOException {
    for (int i = from; i < to; i++) {
      // Every other flip is in one of the small ranges: header, tables, refcounts.
      Checksum range = ranges.get(i % 2 == 0 ? i % ranges.size() : largest(ranges));
      long offset = range.offset() + random.nextInt(range.lengthBytes());
      int bit = random.nextInt(8);
      flip(image, offset, bit);
      boolean located = range == ranges.get(largest(ranges));
      assertThat(finder.damages(i))
          .as("seed %s, bit %s of byte %s of %s", SEED, bit, offset, image)
          .anyMatch(damage ->
              damage.kind() == Damage.Kind.DATA
                  && damage.range().orElseThrow().offset() == range.offset()
                  && (!located || isWritten(damage.disk())));
      flip(image, offset, bit);
    }
  }

  /** What of the disk is damaged is a part of what was written to it. */
  private static boolean isWritten(List<ByteRange> ranges) {
    return !ranges.isEmpty()
        && ranges.stream()
            .allMatch(range ->
                List.of(0L, 300L << 20, 600L << 20).stream()
                    .anyMatch(begin ->
                        range.offset() >= begin
                            && range.offset() + range.length() <= begin + (1 << 20)));
  }

  private static List<Checksum> ranges(Path sums) throws IOException {
    List<Checksum> ranges = new ArrayList<>();
    try (ChecksumFile file = ChecksumFile.open(sums)) {
      for (Optional<Checksum> next = file.next(); next.isPresent(); next = file.next()) {
        ranges.add(next.get());
      }
    }
    return ranges;
  }

  private static int largest(List<Checksum> ranges) {
    int largest = 0;
    for (int i = 0; i < ranges.size(); i++) {
      largest = ranges.get(i).lengthBytes() > ranges.get(largest).lengthBytes() ? i : largest;
    }
    return largest;
  }

  @Test
  void damageDemotesWhatStandsOnItAndTheDiskIsCopiedWhole() throws Exception {
    JsonNode full = backUp();
    write(0, 3, 300, 1);
    JsonNode overlay = backUp();
    assertThat(program.succeed("verify", id(overlay)).output())
        .contains("4 of 4 images checked", "no damage found");
    long at = Files.size(image(full, 0)) - (3 << 16);
    flip(image(full, 0), at, 5);

    Program.Result result = program.run("verify", id(overlay));

    assertThat(result.status()).as(result.errors()).isEqualTo(1);
    assertThat(result.output())
        .contains("DAMAGED  rot disk 0", id(full), image(full, 0).toString(), "CRC-32C");
    JsonNode shown = program.succeed("show", id(overlay), "--json").json().get("disks");
    assertThat(shown.get(0).get("damaged").asBoolean()).isTrue();
    assertThat(shown.get(1).get("damaged").asBoolean()).isFalse();

    flip(image(full, 0), at, 5);
    JsonNode again = program.succeed("verify", "--all", "--json").json();
    assertThat(again.get("images_checked").asInt()).isEqualTo(4);
    assertThat(again.get("findings").size()).isZero();
    shown = program.succeed("show", id(overlay), "--json").json().get("disks");
    assertThat(shown.get(0).get("damaged").asBoolean()).as("mended").isFalse();

    flip(image(full, 0), at, 5);
    assertThat(program.run("verify", "--all").status()).isEqualTo(1);
    JsonNode next = backUp();
    assertThat(next.get("disks").get(0).get("reason").asString()).isEqualTo("BASE_FAILED_VERIFY");
    assertThat(next.get("disks").get(1).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    program.succeed("verify", id(next));
  }

  @Test
  void missingFilesAreFindingsAndTheRestIsChecked() throws Exception {
    JsonNode full = backUp();
    Files.delete(image(full, 0));
    Files.delete(Path.of(image(full, 1).toString().replace(".qcow2", ".sums")));

    Program.Result result = program.run("verify", "--all", "--json");

    assertThat(result.status()).isEqualTo(1);
    JsonNode findings = result.json().get("findings");
    assertThat(findings.size()).isEqualTo(2);
    assertThat(findings.get(0).get("kind").asString()).isEqualTo("MISSING");
    assertThat(findings.get(0).get("found").asString()).contains("is not in the repository");
    assertThat(findings.get(1).get("kind").asString()).isEqualTo("MISSING");
    assertThat(findings.get(1).get("found").asString()).contains(".sums");
  }

  /** Nor is that of a newer release: what it has written may be as it should be. */
  @Test
  void repositoryThatIsNotThereSaysNothingOfItsImages() throws Exception {
    JsonNode full = backUp();
    Path repository = image(full, 0).getParent().getParent().getParent().getParent();
    Path head = repository.resolve("repository.json");
    String content = Files.readString(head);
    Path elsewhere = repository.resolveSibling("unmounted");

    Files.writeString(head, content.replaceFirst("\"format\"\\s*:\\s*1", "\"format\": 9"));
    Program.Result newer = program.run("verify", "--all");
    Files.writeString(head, content);
    Files.move(repository, elsewhere);
    Files.createDirectory(repository);
    Program.Result away = program.run("verify", "--all");
    Files.delete(repository);
    Files.move(elsewhere, repository);

    assertThat(newer.status()).isEqualTo(1);
    assertThat(newer.errors()).contains(head.toString(), "format 9", "use the release");
    assertThat(away.status()).isEqualTo(1);
    assertThat(away.errors()).contains(repository.toString(), "it is not a repository");
    program.succeed("verify", "--all");
    write(0, 3, 300, 1);
    assertThat(backUp().get("disks").get(0).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
  }

  @Test
  void killedVerificationIsGoneOnWith() throws Exception {
    for (int i = 0; i < 2; i++) {
      write(i, 5 + i, 0, 700);
    }
    JsonNode full = backUp();
    flip(image(full, 1), Files.size(image(full, 1)) - (3 << 16), 1);
    Path output = folder.resolve("verify.txt");
    Path errors = folder.resolve("verify.err");
    Process process = program.start(output, errors, "verify", "--all");
    while (process.isAlive() && !Files.readString(output).contains("\n")) {
      Thread.sleep(5);
    }
    Thread.sleep(new Random(SEED).nextInt(400));
    process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
    String id = Files.readString(output).lines().findFirst().orElseThrow();

    JsonNode shown = program.succeed("show", id, "--json").json();
    if (shown.get("status").asString().equals("COMPLETED")) {
      return; // it was faster; another seed kills it half way
    }
    assertThat(shown.get("status").asString()).isEqualTo("FAILED");
    Program.Result relaunched = program.run("relaunch", id, "--json");

    assertThat(relaunched.status()).as(relaunched.errors()).isEqualTo(1);
    assertThat(relaunched.json().get("status").asString())
        .as(relaunched.output() + relaunched.errors())
        .isEqualTo("COMPLETED");
    assertThat(relaunched.json().get("images_checked").asInt()).isEqualTo(2);
    assertThat(relaunched.json().get("findings").size()).isEqualTo(1);
    assertThat(relaunched.json().get("bytes_done").asLong()).isGreaterThan(1400L << 20);
    assertThat(program.run("relaunch", id).status()).as("once more").isEqualTo(1);
  }

  @Test
  void unknownIdsAndContradictionsAreRefused() throws Exception {
    assertThat(program.run("verify").status()).isEqualTo(2);
    assertThat(program.run("verify", "backup-rot", "--all").status()).isEqualTo(2);
    assertThat(program.run("verify", "backup-rot").status()).isEqualTo(4);
    assertThat(program.run("relaunch", "verify-nothing").status()).isEqualTo(4);
    assertThat(program.run("stop", "verify-nothing").status()).isEqualTo(4);
  }
}
