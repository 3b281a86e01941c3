package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.backup.GuestFiles.Entry;
import dev.backstep.backup.GuestFiles.FileSystem;
import dev.backstep.domain.RunSettings;
import dev.backstep.testing.Tool;
import java.io.FileNotFoundException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files of disks that libguestfs made and reads: a partition with ext4, one with NTFS, and XFS in a
 * logical volume. Each session starts a machine that may be emulated, so there are few.
 */
class GuestFilesIT {

  private static final String ODD = "it's \"ü\" & $x; y";

  @TempDir private Path folder;

  private List<ServedPoint.Disk> disks() throws Exception {
    Path raw = folder.resolve("disk.raw");
    Path script = folder.resolve("make.fish");
    Path odd = Files.writeString(folder.resolve("odd"), "odd");
    Files.setPosixFilePermissions(odd, PosixFilePermissions.fromString("rw-r-----"));
    Files.writeString(
        script,
        """
        sparse %s 480M
        run
        part-init /dev/sda gpt
        part-add /dev/sda p 2048 40959
        part-add /dev/sda p 40960 81919
        part-add /dev/sda p 81920 980000
        mkfs ext4 /dev/sda1
        mkfs ntfs /dev/sda2
        pvcreate /dev/sda3
        vgcreate group /dev/sda3
        lvcreate data group 400
        mkfs xfs /dev/group/data
        mount /dev/sda1 /
        mkdir-p "/a folder/deeper"
        upload %s %s
        chmod 0640 %s
        utimens %s 1577934245 0 1577934245 0
        ln-s nowhere /dangling
        umount /
        mount /dev/sda2 /
        write /windows.txt "from NTFS"
        umount /
        mount /dev/group/data /
        write /volume.txt "from XFS"
        """
            .formatted(
                raw,
                odd,
                Guestfish.quoted("/a folder/deeper/" + ODD),
                Guestfish.quoted("/a folder/deeper/" + ODD),
                Guestfish.quoted("/a folder/deeper/" + ODD)));
    // As the program has it: in a machine of its own, emulated where KVM runs none.
    Tool.run(
        "env",
        "LIBGUESTFS_BACKEND=direct",
        "LIBGUESTFS_BACKEND_SETTINGS=force_tcg",
        "guestfish",
        "-f",
        script);
    Path image = folder.resolve("disk.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image);
    return List.of(new ServedPoint.Disk(0, image, Files.size(raw)));
  }

  @Test
  void filesAreListedAndFetchedAsTheyWere() throws Exception {
    Path to = Files.createDirectory(folder.resolve("to"));
    List<ServedPoint.Disk> disks = disks();
    try (GuestFiles files = GuestFiles.open(disks, line -> {})) {
      assertThat(files.fileSystems())
          .containsExactlyInAnyOrder(
              new FileSystem("/dev/sda1", "ext4"),
              new FileSystem("/dev/sda2", "ntfs"),
              new FileSystem("/dev/group/data", "xfs"));
      assertThatThrownBy(() -> files.mount(Optional.empty()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("no operating system", "/dev/sda2 (ntfs)", "/dev/group/data");
      assertThatThrownBy(() -> files.mount(Optional.of("/dev/sdz")))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("/dev/sda1 (ext4)");

      assertThat(files.mount(Optional.of("/dev/sda1"))).isEqualTo(Map.of("/", "/dev/sda1"));

      assertThat(files.list("/")).extracting(Entry::name).contains("a folder", "dangling");
      Entry link = files.list("/dangling").getFirst();
      assertThat(link.target()).contains("nowhere");
      Entry file = files.list("/a folder/deeper").getFirst();
      assertThat(file.name()).isEqualTo(ODD);
      assertThat(file.sizeBytes()).isEqualTo(3);
      assertThat(file.modifiedAt()).isEqualTo(Instant.ofEpochSecond(1_577_934_245));
      Path made = files.get("/a folder", to);
      assertThat(made).isEqualTo(to.resolve("a folder"));
      Path fetched = made.resolve("deeper").resolve(ODD);
      assertThat(fetched).hasContent("odd");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(fetched)))
          .isEqualTo("rw-r-----");
      assertThat(Files.getLastModifiedTime(fetched).toInstant()).isEqualTo(file.modifiedAt());
      assertThatThrownBy(() -> files.get("/a folder", to))
          .isInstanceOf(FileAlreadyExistsException.class);
      files.get("/dangling", to);
      assertThat(Files.exists(to.resolve("dangling"), LinkOption.NOFOLLOW_LINKS)).isTrue();
      assertThatThrownBy(() -> files.list("/nothing")).isInstanceOf(FileNotFoundException.class);
      assertThatThrownBy(() -> files.get("/a folder/nothing", to))
          .isInstanceOf(FileNotFoundException.class);
    }
    try (GuestFiles files = GuestFiles.open(disks, line -> {})) {
      files.mount(Optional.of("/dev/group/data"));
      assertThat(files.get("/volume.txt", to)).hasContent("from XFS");
      files.mount(Optional.of("/dev/sda2"));
      assertThat(files.get("/windows.txt", to)).hasContent("from NTFS");
    }
    RunSettings run =
        new RunSettings(
            "cat volume.txt; touch new && exit 1; exit 3",
            Optional.of("/dev/group/data"),
            Duration.ofMinutes(2));
    RestoreProbe.Verdict verdict = verdict(disks, run);
    assertThat(verdict.alive()).isFalse();
    assertThat(verdict.detail())
        .contains("the command ended with 3", "from XFS", "Read-only file system");
  }

  private RestoreProbe.Verdict verdict(List<ServedPoint.Disk> disks, RunSettings run)
      throws Exception {
    try (FilesProbe probe = FilesProbe.start(disks, run, folder, line -> {})) {
      Optional<RestoreProbe.Verdict> verdict = probe.look();
      while (verdict.isEmpty()) {
        Thread.sleep(100);
        verdict = probe.look();
      }
      return verdict.get();
    }
  }
}
