package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Sha256;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of checksums, of every kind, and what is compared by them. */
class ChecksumKindTests {

  /** Odd ones, those around the pieces that are read at a time, and one of several pieces. */
  private static final int[] LENGTHS = {1, 511, 4096, 4097, 65_535, 65_537, (2 << 20) + 3, 77};

  @TempDir Path folder;

  private final Random random = new Random(7);

  private Path image() {
    return folder.resolve("image");
  }

  private Path sums() {
    return folder.resolve("sums");
  }

  /** Ranges of odd lengths with gaps between them, logged from the last to the first. */
  private byte[] written(ChecksumKind kind) throws IOException {
    byte[] bytes = new byte[Arrays.stream(LENGTHS).sum() + 10 * LENGTHS.length];
    random.nextBytes(bytes);
    Files.write(image(), bytes);
    try (ChecksumLog log = ChecksumLog.create(sums(), kind)) {
      int end = bytes.length;
      for (int length : LENGTHS) {
        end -= length;
        log.record(end, ByteBuffer.wrap(bytes, end, length));
        end -= 10;
      }
      log.force();
    }
    return bytes;
  }

  private List<Checksum> all() throws IOException {
    List<Checksum> all = new ArrayList<>();
    try (ChecksumFile file = ChecksumFile.open(sums())) {
      for (Optional<Checksum> one = file.next(); one.isPresent(); one = file.next()) {
        all.add(one.get());
      }
    }
    return all;
  }

  private void flip(byte[] bytes, long at) throws IOException {
    bytes[(int) at] ^= (byte) (1 << random.nextInt(8));
    Files.write(image(), bytes);
  }

  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void everyRangeIsRightAndAFlippedBitInAnyIsFound(ChecksumKind kind) throws Exception {
    byte[] bytes = written(kind);
    List<Checksum> all = List.copyOf(all());
    assertThat(all).hasSize(LENGTHS.length);
    assertThat(ChecksumFile.kind(sums())).isEqualTo(kind);

    for (Checksum one : all) {
      long at = one.offset() + random.nextInt(one.lengthBytes());
      byte[] damaged = bytes.clone();
      flip(damaged, at);
      try (ChecksumCheck check = ChecksumCheck.open(image())) {
        assertThat(check.check(all))
            .extracting(ChecksumCheck.Mismatch::expected)
            .containsExactly(one);
        assertThat(check.check(all).getFirst().found()).startsWith(kind.title() + " ");
      }
      try (ReadOnlyFile file = ReadOnlyFile.checked(image(), sums())) {
        assertThatThrownBy(() -> file.read(ByteBuffer.allocate(1), one.offset()))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("expected " + one.sum() + ", as they were written");
      }
      try (ChecksumCopy copy = ChecksumCopy.open(image(), folder.resolve("copy"), bytes.length)) {
        assertThatThrownBy(() -> copy.copy(all))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("at byte " + one.offset() + ", " + one.lengthBytes() + " bytes")
            .hasMessageContaining("expected " + one.sum());
      }
    }

    Files.write(image(), bytes);
    try (ChecksumCheck check = ChecksumCheck.open(image());
        ChecksumCopy copy = ChecksumCopy.open(image(), folder.resolve("copy"), bytes.length)) {
      assertThat(check.check(all)).isEmpty();
      copy.copy(all);
    }
  }

  /** A merge takes checksums over where they are of its kind, and takes its own elsewhere. */
  @ParameterizedTest
  @CsvSource({"CRC32C, CRC32C", "CRC32C, SHA_256", "SHA_256, CRC32C", "SHA_256, SHA_256"})
  void checksumsOfAnyRangeAreGivenInAnyKind(ChecksumKind from, ChecksumKind to) throws Exception {
    byte[] bytes = written(from);
    try (ReadOnlyFile file = ReadOnlyFile.checked(image(), sums())) {
      for (int i = 0; i < 50; i++) {
        int offset = random.nextInt(bytes.length - 1);
        int length = 1 + random.nextInt(bytes.length - offset);
        long at = offset;
        for (Checksum one : file.checksums(offset, length, to)) {
          assertThat(one.offset()).isEqualTo(at);
          ByteBuffer range = ByteBuffer.wrap(bytes, (int) one.offset(), one.lengthBytes());
          assertThat(one.sum()).isEqualTo(Digest.of(to, range));
          at += one.lengthBytes();
        }
        assertThat(at).isEqualTo(offset + length);
      }
      assertThat(file.checksums(0, bytes.length, to)).allMatch(one -> one.sum().kind() == to);
    }
  }

  @Test
  void damageGetsNoChecksumOfAnotherKind() throws Exception {
    byte[] bytes = written(ChecksumKind.CRC32C);
    flip(bytes, bytes.length - 1);

    try (ReadOnlyFile file = ReadOnlyFile.checked(image(), sums())) {
      assertThatThrownBy(() -> file.checksums(0, bytes.length, ChecksumKind.SHA_256))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("as they were written");
    }
  }

  /** Bytes that a release before this one wrote, and those that the format page tells of. */
  @Test
  void filesLieOnDiskAsTheFormatSays() throws Exception {
    ByteBuffer data = ByteBuffer.wrap("abc".getBytes(StandardCharsets.US_ASCII));
    String entry = "0000000000000102" + "00000003";
    String crc = "42535453554d3100" + entry + "364b3fb7";
    String sha =
        "42535453554d3200"
            + "7368612d32353600"
            + entry
            + "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    for (ChecksumKind kind : ChecksumKind.values()) {
      try (ChecksumLog log = ChecksumLog.create(sums(), kind)) {
        log.record(0x102, data);
        log.force();
      }
      assertThat(HexFormat.of().formatHex(Files.readAllBytes(sums())))
          .isEqualTo(kind == ChecksumKind.CRC32C ? crc : sha);
    }
  }

  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void aFileCutWithinAnEntryOrItsHeadIsRefused(ChecksumKind kind) throws Exception {
    written(kind);
    byte[] whole = Files.readAllBytes(sums());
    int entry = 12 + kind.lengthBytes();
    int head = whole.length - entry * LENGTHS.length;

    for (int length = 0; length < whole.length; length++) {
      Files.write(sums(), Arrays.copyOf(whole, length));
      if (length >= head && (length - head) % entry == 0) {
        assertThat(all()).hasSize((length - head) / entry); // its digest in the manifest tells
      } else {
        assertThatThrownBy(this::all)
            .isInstanceOf(IOException.class)
            .isNotInstanceOf(NewerChecksumsException.class)
            .hasMessageContaining("no file of checksums, or one that was cut short");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"BSTSUM2\0blake3\0\0", "BSTSUM2\0crc32c\0\0", "BSTSUM3\0sha-256\0"})
  void aFileOfAnUnknownKindOrFormIsToldFromADamagedOne(String head) throws Exception {
    Files.writeString(sums(), head, StandardCharsets.US_ASCII);

    assertThatThrownBy(this::all)
        .isInstanceOf(NewerChecksumsException.class)
        .hasMessageContaining("checksums of kind " + head.substring(8).replace("\0", ""))
        .hasMessageContaining("this release knows crc32c, sha-256")
        .hasMessageContaining("use the release that wrote it, or a newer one");
  }

  @ParameterizedTest
  @ValueSource(strings = {"BSTSUM0\0sha-256\0", "BSTSUM2\0\1\2", "BSTSUM2", "QFI\373", ""})
  void whatIsNoFileOfChecksumsIsRefused(String head) throws Exception {
    Files.writeString(sums(), head, StandardCharsets.ISO_8859_1);

    assertThatThrownBy(this::all)
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(NewerChecksumsException.class)
        .hasMessageContaining("no file of checksums");
  }

  /** Another process goes on from a state only with what it was begun with. */
  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void aLogIsGoneOnWithInItsOwnKindOnly(ChecksumKind kind) throws Exception {
    byte[] bytes = written(kind);
    long length = Files.size(sums());
    ChecksumKind other = kind == ChecksumKind.CRC32C ? ChecksumKind.SHA_256 : ChecksumKind.CRC32C;
    assertThatThrownBy(() -> ChecksumLog.resume(sums(), other, length, bytes.length))
        .isInstanceOf(EOFException.class);
    byte[] whole = Files.readAllBytes(sums());
    byte[] damaged = whole.clone();
    Arrays.fill(damaged, 0, 8, (byte) 0); // as a power failure leaves it
    Files.write(sums(), damaged);
    assertThatThrownBy(() -> ChecksumLog.resume(sums(), kind, length, bytes.length))
        .as("it is begun anew")
        .isInstanceOf(EOFException.class);
    Files.write(sums(), whole);

    long dataEnd = bytes.length / 2;
    long kept = all().stream().filter(one -> one.offset() < dataEnd).count();
    try (ChecksumLog log = ChecksumLog.resume(sums(), kind, length, dataEnd)) {
      log.record(dataEnd + 1, ByteBuffer.wrap(bytes, 0, 5));
      assertThat(log.force()).isGreaterThan(length);
    }

    assertThat(all()).hasSize((int) kept + 1);
  }

  /** With the system's library, where there is one, and without. */
  @Test
  void digestsAreThoseOfTheJdk() {
    for (int length : LENGTHS) {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      Sum expected = new Sum(ChecksumKind.SHA_256, Sha256.digest().digest(bytes));
      ByteBuffer direct = ByteBuffer.allocateDirect(length).put(bytes).flip();
      for (ByteBuffer whole : List.of(ByteBuffer.wrap(bytes), direct, direct.asReadOnlyBuffer())) {
        for (Sha256Digest digest :
            List.of(new Sha256Digest(), new Sha256Digest(Optional.empty()))) {
          int cut = random.nextInt(length);
          digest.update(whole.slice(0, cut));
          digest.update(whole.slice(cut, length - cut));
          assertThat(digest.sum()).isEqualTo(expected);
        }
        assertThat(Digest.of(ChecksumKind.SHA_256, whole)).isEqualTo(expected);
        assertThat(whole.position()).isZero();
      }
    }
  }

  /** The memory that it was to write to holds anything then. */
  @Test
  void whatTheLibraryDidNotComputeIsNoDigest() {
    Crypto.require(1, "SHA256_Final");

    assertThatThrownBy(() -> Crypto.require(0, "SHA256_Final"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("SHA256_Final of the system's libcrypto returned 0, expected 1");
  }

  /** Tables come last and lie anywhere; a range that was written twice is written last. */
  @ParameterizedTest
  @EnumSource(ChecksumKind.class)
  void inWhateverOrderTheyWereWrittenEachRangeIsComparedWithItsOwn(ChecksumKind kind)
      throws Exception {
    int part = 100;
    byte[] bytes = new byte[500 * part];
    random.nextBytes(bytes);
    Files.write(image(), bytes);
    List<Integer> order = new ArrayList<>(IntStream.range(0, bytes.length / part).boxed().toList());
    Collections.shuffle(order.subList(10, 60), random);
    Collections.swap(order, 0, order.size() - 1);
    try (ChecksumLog log = ChecksumLog.create(sums(), kind)) {
      for (int at : order) {
        log.record((long) at * part, ByteBuffer.wrap(bytes, at * part, part));
      }
      log.force();
    }

    try (ReadOnlyFile file = ReadOnlyFile.checked(image(), sums())) {
      ByteBuffer read = ByteBuffer.allocate(bytes.length);
      file.read(read, 0);
      assertThat(Arrays.mismatch(read.array(), bytes)).isEqualTo(-1);
      assertThat(file.checksums(0, bytes.length, kind))
          .hasSize(500)
          .isSortedAccordingTo(Comparator.comparingLong(Checksum::offset));
    }
    for (int i = 0; i < 50; i++) {
      int at = random.nextInt(bytes.length);
      byte[] damaged = bytes.clone();
      flip(damaged, at);
      try (ReadOnlyFile file = ReadOnlyFile.checked(image(), sums())) {
        assertThatThrownBy(() -> file.read(ByteBuffer.allocate(1), at))
            .hasMessageContaining("at byte " + at / part * part + ": 100 bytes");
      }
    }
  }
}
