package dev.backstep.backup;

import dev.backstep.blockio.Checksum;
import dev.backstep.blockio.ChecksumCheck;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.NewerChecksumsException;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.CheckResult;
import dev.backstep.qcow2.DiskRanges;
import dev.backstep.qcow2.Finding;
import dev.backstep.qcow2.Qcow2Checker;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.Qcow2Header;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.RepositoryException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Checks one image of a repository, and not those under it: first its {@link #structure}, then its
 * data, some at a time, so that it can stop after any part and go on in another process. It goes on
 * after each finding. For one thread; the caller closes it.
 */
public final class ImageCheck implements Closeable {

  private static final int SECTOR_BYTES = 512;

  /** Findings are about entries of tables. */
  private static final int ENTRY_BYTES = 8;

  /** So often all tables of an image are gone through to tell what its damages are about. */
  private static final int WALKS_MAX = 16;

  /** Of so many damages at a time. */
  private static final int PARTS_MAX = 20;

  private final DiskFolder folder;
  private final DiskBackupId id;
  private @Nullable ChecksumFile checksums;
  private @Nullable ChecksumCheck data;
  private @Nullable DiskManifest opened;
  private long next;
  private int walks;
  private @Nullable String newer;

  public ImageCheck(DiskFolder folder, DiskBackupId id) {
    this.folder = folder;
    this.id = id;
  }

  /**
   * What a part of the data's check found.
   *
   * @param bytes checked
   * @param next number of checksums checked so far, with those that an earlier check had done
   * @param last whether nothing is left to check
   */
  public record Part(long bytes, long next, boolean last, List<Damage> damages) {}

  /**
   * Checks manifest, header, tables, refcounts, and the file of checksums. An image that was
   * replaced meanwhile is checked once more.
   */
  public List<Damage> structure() {
    Optional<DiskManifest> before = now();
    List<Damage> damages = structureOnce();
    return damages.isEmpty() || before.equals(now()) ? damages : structureOnce();
  }

  private Optional<DiskManifest> now() {
    try {
      return Optional.of(folder.published(id));
    } catch (IOException e) {
      return Optional.empty(); // the check itself says what is wrong
    }
  }

  private List<Damage> structureOnce() {
    List<Damage> damages = new ArrayList<>();
    Optional<DiskManifest> manifest = manifest(damages);
    if (manifest.isPresent()) {
      checkImage(manifest.get(), damages);
      checkSums(manifest.get(), damages);
    }
    return located(damages);
  }

  private Optional<DiskManifest> manifest(List<Damage> damages) {
    try {
      return Optional.of(folder.published(id));
    } catch (IOException e) {
      boolean missing =
          e instanceof RepositoryException known
              && known.kind() == RepositoryException.Kind.MISSING;
      damages.add(Damage.of(missing ? Damage.Kind.MISSING : Damage.Kind.MANIFEST, e));
      return Optional.empty();
    }
  }

  private void checkImage(DiskManifest manifest, List<Damage> damages) {
    try {
      CheckResult result = Qcow2Checker.check(folder.image(id));
      for (Finding finding : result.findings()) {
        damages.add(
            new Damage(
                Damage.Kind.STRUCTURE,
                Optional.of(new ByteRange(finding.offsetBytes(), ENTRY_BYTES)),
                finding.found(),
                finding.expected() + "; " + finding.meaning()));
      }
      Qcow2Header header = result.header();
      long sizeBytes = Math.ceilDiv(manifest.virtualSize(), SECTOR_BYTES) * SECTOR_BYTES;
      expect("virtual size", header.virtualSize(), sizeBytes, damages);
      Optional<String> base = manifest.parentId().map(DiskFolder::imageName);
      expect("backing file", header.backingFile().orElse("none"), base.orElse("none"), damages);
    } catch (Qcow2FormatException e) {
      damages.add(Damage.of(Damage.Kind.STRUCTURE, e));
    } catch (IOException e) {
      damages.add(Damage.of(Damage.Kind.UNREADABLE, e));
    }
  }

  private static void expect(String what, Object found, Object expected, List<Damage> damages) {
    if (!found.equals(expected)) {
      damages.add(
          new Damage(
              Damage.Kind.MANIFEST,
              Optional.empty(),
              what + " " + found + " in the image's header",
              expected + ", as the manifest says"));
    }
  }

  private void checkSums(DiskManifest manifest, List<Damage> damages) {
    if (manifest.checksumsSha256() == null) {
      return;
    }
    try {
      Path file = folder.currentChecksums(id);
      String found = ChecksumFile.sha256(file);
      if (!found.equals(manifest.checksumsSha256())) {
        damages.add(
            new Damage(
                Damage.Kind.CHECKSUMS,
                Optional.empty(),
                file + ": SHA-256 " + found,
                manifest.checksumsSha256() + ", as the manifest says"));
        return;
      }
      String kind = ChecksumFile.kind(file).word();
      String expected = manifest.kindOfChecksums().orElseThrow();
      if (!kind.equals(expected)) {
        damages.add(
            new Damage(
                Damage.Kind.CHECKSUMS,
                Optional.empty(),
                file + ": checksums of kind " + kind,
                expected + ", as the manifest says"));
      }
    } catch (NewerChecksumsException e) {
      newer = e.getMessage(); // as they were written; whoever compares data by them is refused
    } catch (NoSuchFileException e) {
      damages.add(
          new Damage(
              Damage.Kind.MISSING,
              Optional.empty(),
              folder.checksums(id) + ": there is no such file",
              "the image's checksums"));
    } catch (IOException e) {
      damages.add(Damage.of(Damage.Kind.UNREADABLE, e));
    }
  }

  /**
   * What says, behind {@link #structure}, that the image's checksums are of a kind that only a
   * newer release knows. That is no damage.
   */
  public Optional<String> newer() {
    return Optional.ofNullable(newer);
  }

  /** Whether there are checksums to check its data by; an early release made none. */
  public boolean canCheckData() {
    return Files.exists(folder.image(id)) && Files.exists(folder.checksums(id));
  }

  /**
   * Begins to check the data.
   *
   * @param from number of checksums to leave out, as the {@link Part#next} of an earlier check
   * @param named whether the checksums are to be those that the manifest names; where they are
   *     known not to be, they may still tell where the data is damaged
   * @throws NewerChecksumsException when the checksums are of a kind that a newer release knows
   * @throws IOException when image or checksums cannot be opened, or the checksums are not those
   *     that the manifest names
   */
  public void openData(long from, boolean named) throws IOException {
    DiskManifest manifest;
    @Nullable String found;
    do {
      close();
      manifest = folder.published(id);
      Path file = folder.currentChecksums(id);
      found = named ? ChecksumFile.sha256(file) : null;
      checksums = ChecksumFile.open(file);
      data = ChecksumCheck.open(folder.image(id));
    } while (!manifest.equals(folder.published(id)));
    String expected = manifest.checksumsSha256();
    if (found != null && expected != null && !found.equals(expected)) {
      throw new IOException(
          folder.currentChecksums(id)
              + ": SHA-256 "
              + found
              + ", expected "
              + expected
              + ", as the manifest says");
    }
    opened = manifest;
    checksums.skip(from);
    next = from;
  }

  /**
   * Whether the image was replaced since its data's check was opened: what that finds, or does not,
   * says nothing of the one that is there now.
   */
  public boolean isReplaced() throws IOException {
    return opened != null && !opened.equals(folder.published(id));
  }

  /**
   * What tells this image from one that replaces it: the digest of its checksums.
   *
   * @throws IOException when there is no such image
   */
  public String edition() throws IOException {
    return String.valueOf(folder.published(id).checksumsSha256());
  }

  public boolean isDataOpen() {
    return data != null;
  }

  /**
   * Checks some more of the data.
   *
   * @param bytes about so many
   * @throws IOException when the checksums cannot be read
   */
  public Part data(long bytes) throws IOException {
    if (checksums == null || data == null) {
      throw new IllegalStateException("the data's check of " + id + " is not open");
    }
    List<Checksum> part = new ArrayList<>();
    long length = 0;
    Optional<Checksum> one = Optional.empty();
    while (length < bytes && (one = checksums.next()).isPresent()) {
      part.add(one.get());
      length += one.get().lengthBytes();
    }
    next += part.size();
    List<Damage> damages = new ArrayList<>();
    for (ChecksumCheck.Mismatch wrong : data.check(part)) {
      Checksum expected = wrong.expected();
      damages.add(
          new Damage(
              Damage.Kind.DATA,
              Optional.of(new ByteRange(expected.offset(), expected.lengthBytes())),
              wrong.found(),
              expected.sum().toString()));
    }
    return new Part(length, next, length < bytes, located(damages));
  }

  /** Says what of the disk each damage is about, as far as the image's tables still tell. */
  private List<Damage> located(List<Damage> damages) {
    List<ByteRange> parts =
        damages.stream().map(Damage::range).flatMap(Optional::stream).distinct().toList();
    if (parts.isEmpty() || walks >= WALKS_MAX) {
      return damages;
    }
    walks++;
    Map<ByteRange, List<ByteRange>> disk =
        DiskRanges.of(folder.image(id), parts.subList(0, Math.min(PARTS_MAX, parts.size())));
    return damages.stream()
        .map(damage ->
            damage.about(
                damage.range().map(part -> disk.getOrDefault(part, List.of())).orElse(List.of())))
        .toList();
  }

  @Override
  public void close() throws IOException {
    ChecksumFile file = checksums;
    ChecksumCheck check = data;
    checksums = null;
    data = null;
    try {
      if (file != null) {
        file.close();
      }
    } finally {
      if (check != null) {
        check.close();
      }
    }
  }
}
