package dev.backstep.backup;

import dev.backstep.nbd.NbdUri;
import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.Closeable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The files on the disks of a restore point, read through libguestfs from our own exports; nothing
 * is copied but what is asked for, and nothing can be written. For one thread; the caller closes
 * it.
 */
public final class GuestFiles implements Closeable {

  /** What stands on partitions and is no tree of files. */
  private static final Set<String> NO_FILES = Set.of("swap", "unknown", "crypto_LUKS", "BitLocker");

  private static final Duration UNMOUNT_MAX = Duration.ofMinutes(1);
  private static final Duration COPY_MAX = Duration.ofDays(7);

  private static final int TYPE_MASK = 0170000;
  private static final int DIRECTORY = 0040000;
  private static final int LINK = 0120000;

  private final Path folder;
  private final ServedPoint point;
  private final Guestfish session;
  private @Nullable Path shown;

  /**
   * A file system.
   *
   * @param device as libguestfs calls it: {@code /dev/sda1}, {@code /dev/vg/root}
   */
  public record FileSystem(String device, String type) {}

  /**
   * A file, folder or whatever else has a name.
   *
   * @param mode type and permissions as stat(2) has them
   * @param target what a symbolic link says
   */
  public record Entry(
      String name,
      int mode,
      long uid,
      long gid,
      long sizeBytes,
      Instant modifiedAt,
      Optional<String> target) {

    public boolean isFolder() {
      return (mode & TYPE_MASK) == DIRECTORY;
    }

    public boolean isLink() {
      return (mode & TYPE_MASK) == LINK;
    }
  }

  private GuestFiles(Path folder, ServedPoint point, Guestfish session) {
    this.folder = folder;
    this.point = point;
    this.session = session;
  }

  /**
   * @param disks become {@code /dev/sda}, {@code /dev/sdb} in this order
   * @param log is told of connections to the disks that end with an error
   * @throws SourceException when libguestfs is not installed
   */
  public static GuestFiles open(List<ServedPoint.Disk> disks, Consumer<String> log)
      throws IOException {
    ToolRunner.require("guestfish");
    Path folder = Files.createTempDirectory("backstep-files-");
    ServedPoint point = ServedPoint.open(disks, folder.resolve("nbd"), Optional.empty(), log);
    try {
      List<String> uris = disks.stream().map(disk -> uri(folder.resolve("nbd"), disk)).toList();
      return new GuestFiles(folder, point, Guestfish.start(folder, uris));
    } catch (IOException | RuntimeException e) {
      point.close();
      Files.deleteIfExists(folder);
      throw e;
    }
  }

  /** As libguestfs wants it: {@code nbd} where the socket is a unix one, too. */
  private static String uri(Path socket, ServedPoint.Disk disk) {
    return NbdUri.unix(socket, disk.export()).text().replace("nbd+unix:", "nbd:");
  }

  /** Every file system of the disks, in logical volumes too, and what else partitions hold. */
  public List<FileSystem> fileSystems() throws IOException {
    List<FileSystem> found = new ArrayList<>();
    for (String line : session.ask("list-filesystems")) {
      int colon = line.lastIndexOf(": ");
      if (colon > 0) {
        found.add(new FileSystem(line.substring(0, colon), line.substring(colon + 2)));
      }
    }
    return found;
  }

  /**
   * Chooses what paths are about: the named file system, else the one operating system that is
   * there, with all that it mounts, else the only file system.
   *
   * @return the devices by where they are mounted
   * @throws IllegalArgumentException when that is not clear, saying what there is
   */
  public Map<String, String> mount(Optional<String> device) throws IOException {
    Map<String, String> mounts =
        new TreeMap<>(
            Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()));
    mounts.putAll(device.isPresent() ? Map.of("/", known(device.get())) : ofSystem());
    for (Map.Entry<String, String> mount : mounts.entrySet()) {
      // One that the system mounts besides its root may be gone; its root must not.
      String optional = mount.getKey().equals("/") ? "" : "-";
      session.ask(
          optional
              + "mount-ro "
              + Guestfish.quoted(mount.getValue())
              + " "
              + Guestfish.quoted(mount.getKey()));
    }
    return mounts;
  }

  private String known(String device) throws IOException {
    List<FileSystem> all = fileSystems();
    if (all.stream().noneMatch(one -> one.device().equals(device))) {
      throw new IllegalArgumentException(device + ": no such file system; there are " + words(all));
    }
    return device;
  }

  private Map<String, String> ofSystem() throws IOException {
    List<String> roots = session.ask("inspect-os");
    if (roots.size() == 1) {
      Map<String, String> mounts = new HashMap<>();
      for (String line :
          session.ask("inspect-get-mountpoints " + Guestfish.quoted(roots.getFirst()))) {
        int colon = line.lastIndexOf(": ");
        mounts.put(line.substring(0, colon), line.substring(colon + 2));
      }
      mounts.putIfAbsent("/", roots.getFirst());
      return mounts;
    }
    List<FileSystem> all = fileSystems();
    List<FileSystem> withFiles =
        all.stream().filter(one -> !NO_FILES.contains(one.type())).toList();
    if (withFiles.size() == 1) {
      return Map.of("/", withFiles.getFirst().device());
    }
    throw new IllegalArgumentException(
        (roots.isEmpty() ? "no operating system" : roots.size() + " operating systems")
            + " on these disks; say which file system is meant: "
            + words(all));
  }

  private static String words(List<FileSystem> all) {
    return all.isEmpty()
        ? "none"
        : String.join(
            ", ", all.stream().map(one -> one.device() + " (" + one.type() + ")").toList());
  }

  /**
   * What a folder holds, by name; of what is no folder, itself.
   *
   * @throws FileNotFoundException when there is no such path
   */
  public List<Entry> list(String path) throws IOException {
    if (!isTrue("is-dir " + Guestfish.quoted(path) + " followsymlinks:true")) {
      return List.of(entry(path));
    }
    Path names = folder.resolve("names");
    session.ask("ls0 " + Guestfish.quoted(path) + " " + Guestfish.quoted(names.toString()));
    List<Entry> entries = new ArrayList<>();
    String all = new String(Files.readAllBytes(names), StandardCharsets.UTF_8);
    Files.delete(names);
    for (String name : all.split("\0")) {
      if (!name.isEmpty()) {
        entries.add(entry(path.endsWith("/") ? path + name : path + "/" + name));
      }
    }
    entries.sort(Comparator.comparing(Entry::name));
    return entries;
  }

  private boolean isTrue(String question) throws IOException {
    return session.ask(question).equals(List.of("true"));
  }

  /** A dangling link is there, too: it is asked about itself, not about what it leads to. */
  private Entry entry(String path) throws IOException {
    String quoted = Guestfish.quoted(path);
    if (!isTrue("exists " + quoted) && !isTrue("is-symlink " + quoted)) {
      throw new FileNotFoundException(path + ": there is no such file or folder");
    }
    Map<String, Long> stat = new HashMap<>();
    for (String line : session.ask("lstatns " + quoted)) {
      int colon = line.indexOf(": ");
      stat.put(line.substring(0, colon), Long.parseLong(line.substring(colon + 2)));
    }
    int mode = stat.getOrDefault("st_mode", 0L).intValue();
    Optional<String> target =
        (mode & TYPE_MASK) == LINK
            ? Optional.of(String.join("\n", session.ask("readlink " + quoted)))
            : Optional.empty();
    return new Entry(
        name(path),
        mode,
        stat.getOrDefault("st_uid", 0L),
        stat.getOrDefault("st_gid", 0L),
        stat.getOrDefault("st_size", 0L),
        Instant.ofEpochSecond(
            stat.getOrDefault("st_mtime_sec", 0L), stat.getOrDefault("st_mtime_nsec", 0L)),
        target);
  }

  private static String name(String path) {
    String bare =
        path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    return bare.equals("/") ? "/" : bare.substring(bare.lastIndexOf('/') + 1);
  }

  /**
   * Fetches a file, or a folder with all that is in it, with permissions and times, and owners
   * where this user may set them; of a symbolic link the link itself.
   *
   * @param to a folder that exists and has nothing of that name
   * @return what was made
   * @throws FileNotFoundException when there is no such path
   * @throws FileAlreadyExistsException when there is something of that name
   */
  public Path get(String path, Path to) throws IOException {
    Entry entry = entry(path);
    if (entry.name().equals("/")) {
      throw new IllegalArgumentException(
          "'/' has no name to be fetched under; name what is in it, one by one");
    }
    Path made = to.resolve(entry.name());
    if (Files.exists(made, LinkOption.NOFOLLOW_LINKS)) {
      throw new FileAlreadyExistsException(
          made.toString(), null, "it is there already, and is not overwritten");
    }
    if (entry.target().isPresent()) {
      return Files.createSymbolicLink(made, Path.of(entry.target().get()));
    }
    session.ask(
        "copy-out " + Guestfish.quoted(path) + " " + Guestfish.quoted(to.toString()), COPY_MAX);
    return made;
  }

  /**
   * Shows what is mounted to every program of this machine, for reading only, until this is closed
   * or the folder is unmounted; nothing else can be asked meanwhile.
   *
   * @return where
   */
  public Path show() throws IOException {
    Path mountPoint = Files.createTempDirectory("backstep-mounted-");
    shown = mountPoint;
    session.ask("mount-local " + Guestfish.quoted(mountPoint.toString()) + " readonly:true");
    session.begin("mount-local-run");
    return mountPoint;
  }

  /** What this process does not get rid of, the system does when it has ended. */
  private void hide(Path mountPoint) throws IOException {
    ToolRunner.Result result =
        ToolRunner.run(UNMOUNT_MAX, List.of("guestunmount", "--quiet", mountPoint.toString()));
    if (result.failed()) {
      throw new IOException(mountPoint + ": cannot be unmounted: " + result.errors());
    }
    Files.deleteIfExists(mountPoint);
  }

  @Override
  public void close() throws IOException {
    if (shown != null) {
      hide(shown);
    }
    session.close();
    point.close();
    Files.deleteIfExists(folder);
  }
}
