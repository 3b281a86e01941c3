package dev.backstep.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.Damage;
import dev.backstep.backup.ImageCheck;
import dev.backstep.blockio.Block;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Holdings;
import dev.backstep.repository.Repository;
import dev.backstep.repository.RestorePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * What a repository must hold, whatever happened to it: all that the catalog calls complete, and
 * nothing under a final name that is not. Images are checked whole, structure and checksums, and
 * compared with what the disks held.
 */
public final class Acknowledged {

  /** Where the repository is below the folder that is checked. */
  public static final String REPOSITORY = "repository";

  /** Where copies of it are, if there are any. */
  public static final String COPIES = "copies";

  /** What each disk held at the snapshot of a backup, by backup and disk id. */
  private final Map<BackupId, Map<Integer, byte[]>> model = new HashMap<>();

  /** Files that were found right, by name and content, with those that they stand on. */
  private final Set<String> right = new HashSet<>();

  /** What restored files hold, by their place below the folder that is checked. */
  private final Map<String, Restored> restored = new HashMap<>();

  private int imagesChecked;

  private record Restored(byte[] content, boolean alwaysWhole) {}

  /**
   * A row of the catalog.
   *
   * @param place the repository's place below the folder that is checked; of a restored file its
   *     own place
   * @param status the disk backup's
   * @param backupStatus the backup's that it belongs to
   */
  public record Row(
      String place,
      VmId vm,
      BackupId backup,
      String backupStatus,
      DiskBackupId id,
      int diskId,
      String status) {}

  /** Remembers what the disks of a backup held. */
  public void held(BackupId backup, Map<Integer, byte[]> contents) {
    model.put(backup, contents);
  }

  /** What a disk held at the snapshot of a backup. */
  public byte[] content(BackupId backup, int diskId) {
    return model.get(backup).get(diskId);
  }

  /**
   * Remembers what a restored file must hold.
   *
   * @param alwaysWhole whether it has its name only when it holds that, not just when it is
   *     acknowledged
   */
  public void restored(String place, byte[] content, boolean alwaysWhole) {
    restored.put(place, new Restored(content, alwaysWhole));
  }

  public int imagesChecked() {
    return imagesChecked;
  }

  /**
   * Fails unless the repositories hold all that the rows call complete, and nothing that only looks
   * complete; the same for restored files.
   *
   * @param root what the rows' places are below
   */
  public void check(Path root, List<Row> rows, String when) throws IOException {
    for (String place : List.of(REPOSITORY, COPIES)) {
      List<Row> there = rows.stream().filter(row -> row.place().equals(place)).toList();
      checkRepository(root.resolve(place), there, when);
    }
    for (Map.Entry<String, Restored> file : restored.entrySet()) {
      checkRestored(root, file.getKey(), file.getValue(), rows, when);
    }
  }

  private void checkRestored(Path root, String place, Restored is, List<Row> rows, String when)
      throws IOException {
    Path file = root.resolve(place);
    boolean acknowledged = rows.stream().anyMatch(row -> row.place().equals(place));
    assertThat(Files.exists(file) || !acknowledged).as("%s: %s is there", when, place).isTrue();
    if (!Files.exists(file) || !(acknowledged || is.alwaysWhole())) {
      return;
    }
    imagesChecked++;
    byte[] content = is.content();
    byte[] found = place.endsWith(".qcow2") ? read(file, content.length) : Files.readAllBytes(file);
    if (!Arrays.equals(found, content)) {
      throw new AssertionError(when + ": " + place + " does not hold what its disk held");
    }
  }

  private void checkRepository(Path folder, List<Row> rows, String when) throws IOException {
    if (!Files.exists(folder.resolve("repository.json"))) {
      assertThat(rows).as("%s: no repository", when).noneMatch(row -> isComplete(row.status()));
      return;
    }
    Repository repository = Repository.open(folder);
    for (Row row : rows) {
      if (isComplete(row.backupStatus())) {
        checkPoint(repository, repository.restorePoint(row.vm(), row.backup()), when);
      } else if (isComplete(row.status())) {
        checkImage(repository.disk(row.vm(), row.diskId()), row.id(), contentOf(row), when);
      }
    }
    checkFinalNames(folder, repository, rows, when);
  }

  private static boolean isComplete(String status) {
    return status.equals("COMPLETED");
  }

  private byte[] contentOf(Row row) {
    return model.get(row.backup()).get(row.diskId());
  }

  private void checkPoint(Repository repository, RestorePoint point, String when)
      throws IOException {
    Map<Integer, byte[]> contents = model.get(new BackupId(point.backupId()));
    assertThat(point.disks()).as("%s: disks of %s", when, point).hasSameSizeAs(contents.keySet());
    for (RestorePoint.Disk disk : point.disks()) {
      checkImage(
          repository.disk(new VmId(point.vmId()), disk.diskId()),
          new DiskBackupId(disk.diskBackupId()),
          contents.get(disk.diskId()),
          when);
    }
  }

  /** Every restore point and every image that a reader without a catalog finds. */
  private void checkFinalNames(Path folder, Repository repository, List<Row> rows, String when)
      throws IOException {
    Holdings holdings = Holdings.of(repository);
    assertThat(holdings.problems()).as(when).isEmpty();
    for (RestorePoint point : holdings.points()) {
      checkPoint(repository, point, when);
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path image : files.filter(file -> file.toString().endsWith(".qcow2")).toList()) {
        int diskId = Integer.parseInt(image.getParent().getFileName().toString().substring(5));
        VmId vm = new VmId(image.getParent().getParent().getFileName().toString());
        DiskBackupId id = new DiskBackupId(image.getFileName().toString().replace(".qcow2", ""));
        BackupId backup =
            new BackupId(repository.disk(vm, diskId).manifest(id).orElseThrow().backupId());
        checkImage(repository.disk(vm, diskId), id, model.get(backup).get(diskId), when);
      }
    }
  }

  private void checkImage(DiskFolder folder, DiskBackupId id, byte[] content, String when)
      throws IOException {
    String state = state(folder, id);
    imagesChecked++;
    if (right.contains(state)) {
      return;
    }
    try (ImageCheck check = new ImageCheck(folder, id)) {
      List<Damage> damages = new ArrayList<>(check.structure());
      assertThat(check.canCheckData()).as("%s: %s has checksums", when, id).isTrue();
      check.openData(0, true);
      ImageCheck.Part part;
      do {
        part = check.data(1 << 20);
        damages.addAll(part.damages());
      } while (!part.last());
      assertThat(damages).as("%s: %s", when, id).isEmpty();
    }
    if (!Arrays.equals(read(folder.image(id), content.length), content)) {
      throw new AssertionError(when + ": " + id + " does not hold what its disk held");
    }
    right.add(state);
  }

  private static String state(DiskFolder folder, DiskBackupId id) throws IOException {
    StringBuilder state = new StringBuilder();
    for (DiskManifest manifest : folder.chain(id)) {
      DiskBackupId link = new DiskBackupId(manifest.diskBackupId());
      state.append(manifest).append(crc(folder.image(link))).append(crc(folder.checksums(link)));
    }
    return state.toString();
  }

  private static String crc(Path file) throws IOException {
    CRC32C crc = new CRC32C();
    byte[] bytes = Files.readAllBytes(file);
    crc.update(bytes, 0, bytes.length);
    return " " + bytes.length + ":" + crc.getValue() + " ";
  }

  /** The disk that an image shows. */
  public static byte[] read(Path image, int size) throws IOException {
    byte[] bytes = new byte[size];
    try (Qcow2Reader reader = Qcow2Reader.open(image, 2)) {
      assertThat(reader.sizeBytes()).isGreaterThanOrEqualTo(size);
      for (int at = 0; at < size; at += 1 << 20) {
        int length = Math.min(size - at, 1 << 20);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(bytes, at, length);
        }
      }
    }
    return bytes;
  }
}
