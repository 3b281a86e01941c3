package dev.backstep.source.qmp;

import dev.backstep.domain.RepositoryId;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdException;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What backups of one repository make at one QEMU, told from others' by its names: nodes, jobs,
 * exports and helping bitmaps are {@code backstep-<repository>-<random>-<disk>}, files {@code
 * backstep-<socket>-<repository>-<random>...}, all parts but the disk digests or digits of eight
 * characters. QEMU takes no node names of more than 31.
 */
final class OwnWork {

  private static final Logger log = LoggerFactory.getLogger(OwnWork.class);

  private static final String OURS = "backstep-";

  /** Longest path of a unix socket (unix(7)), less the byte that ends it. */
  private static final int SOCKET_BYTES_MAX = 107;

  private static final Duration NBD_MAX = Duration.ofSeconds(5);

  private final Path scratch;
  private final String prefix;
  private final String files;

  OwnWork(QmpSettings settings, RepositoryId repository) {
    this.scratch = settings.scratch().folder();
    this.prefix = OURS + digest(repository.value()) + "-";
    this.files = OURS + digest(settings.socket() + "") + "-" + digest(repository.value()) + "-";
  }

  private static String digest(String text) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /** Whether a name is of this program, of whichever repository. */
  static boolean isOurs(String name) {
    return name.startsWith(OURS);
  }

  /**
   * The names of one snapshot.
   *
   * @param id what its nodes, jobs and exports begin with
   * @param socket where its disks are exported
   */
  record Names(String id, Path socket) {

    /** A disk's node over its scratch file, its job, its export, its helping bitmap. */
    String of(int disk) {
      return id + "-" + disk;
    }

    String fileNode(int disk) {
      return of(disk) + "f";
    }

    /** An empty disk of the same size, to get a bitmap that marks the end from. */
    String endNode(int disk) {
      return of(disk) + "e";
    }

    Path scratch(int disk) {
      String name = String.valueOf(socket.getFileName());
      return socket.resolveSibling(name.substring(0, name.lastIndexOf('.')) + "-" + disk);
    }

    NbdUri uri(int disk) {
      return NbdUri.unix(socket, of(disk));
    }
  }

  /** Names that no snapshot has had. */
  Names next() throws SourceException {
    byte[] bytes = new byte[4];
    new SecureRandom().nextBytes(bytes);
    String random = HexFormat.of().formatHex(bytes);
    Path socket = scratch.toAbsolutePath().resolve(files + random + ".sock");
    if (socket.toString().getBytes(StandardCharsets.UTF_8).length > SOCKET_BYTES_MAX) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          socket
              + ": longer than "
              + SOCKET_BYTES_MAX
              + " bytes, which no unix socket may be; name another 'scratch'");
    }
    return new Names(prefix + random, socket);
  }

  /**
   * Refuses to go on beside the job of another, such as a mirror, or a backup of another program.
   *
   * @throws SourceException LOCKED when there is one
   */
  void refuseOthers(Qemu qemu) throws SourceException {
    for (Qemu.Job job : qemu.jobs()) {
      if (!job.id().startsWith(prefix) && !job.isOver()) {
        throw new SourceException(
            SourceException.Kind.LOCKED,
            "QEMU is busy with "
                + (isOurs(job.id()) ? "a backup to another repository" : "another program's job")
                + " ("
                + job.type()
                + " "
                + job.id()
                + "); try again when that ends");
      }
    }
  }

  /** Whether all that a snapshot is made of is still there. */
  boolean runs(Qemu qemu, Names names, int disks) throws SourceException {
    List<String> running =
        qemu.jobs().stream().filter(job -> !job.isOver()).map(Qemu.Job::id).toList();
    List<String> exports = qemu.exports();
    for (int disk = 0; disk < disks; disk++) {
      if (!running.contains(names.of(disk)) || !exports.contains(names.of(disk))) {
        return false;
      }
    }
    return true;
  }

  /**
   * Ends and removes all of it, whatever is there. A guest that stands still because of it goes on.
   *
   * @return whether there was anything at QEMU
   */
  boolean clear(Qemu qemu) throws SourceException {
    boolean stuck = qemu.isStuck();
    boolean any = endExports(qemu);
    any |= endJobs(qemu);
    stopServer(qemu, any);
    any |= removeBitmaps(qemu);
    any |= removeNodes(qemu);
    if (stuck && any && qemu.isStuck()) {
      log.warn("{}: the guest stood still for want of room, goes on now", scratch);
      qemu.run("cont");
    }
    removeFiles();
    return any;
  }

  private boolean endExports(Qemu qemu) throws SourceException {
    List<String> ours = ownExports(qemu);
    for (String export : ours) {
      qemu.run("block-export-del", "id", export, "mode", "hard");
    }
    qemu.await("no export of ours", () -> ownExports(qemu).isEmpty());
    return !ours.isEmpty();
  }

  private List<String> ownExports(Qemu qemu) throws SourceException {
    return qemu.exports().stream().filter(id -> id.startsWith(prefix)).toList();
  }

  private boolean endJobs(Qemu qemu) throws SourceException {
    List<Qemu.Job> ours = ownJobs(qemu);
    for (Qemu.Job job : ours) {
      if (job.type().equals("backup") && !job.isOver()) {
        qemu.run("job-cancel", "id", job.id());
      }
    }
    qemu.await(
        "no job of ours",
        () -> {
          for (Qemu.Job job : ownJobs(qemu)) {
            if (job.isOver()) {
              qemu.run("job-dismiss", "id", job.id());
            }
          }
          return ownJobs(qemu).isEmpty();
        });
    return !ours.isEmpty();
  }

  private List<Qemu.Job> ownJobs(Qemu qemu) throws SourceException {
    return qemu.jobs().stream().filter(job -> job.id().startsWith(prefix)).toList();
  }

  /**
   * QEMU has one NBD server: ours is ended, unless somebody else exports something there, too.
   *
   * @param known whether something of ours was at QEMU, which is the proof that it is ours
   */
  private void stopServer(Qemu qemu, boolean known) throws SourceException {
    if (!qemu.exports().isEmpty() || !(known || isServed())) {
      return;
    }
    try {
      qemu.run("nbd-server-stop");
    } catch (QmpException e) {
      if (e.why() != QmpException.Why.REFUSED) {
        throw e;
      }
      log.debug("no NBD server to stop: {}", e.getMessage());
    }
  }

  /** Whether a server answers at one of our sockets. */
  private boolean isServed() throws SourceException {
    try (DirectoryStream<Path> sockets = left("*.sock")) {
      for (Path socket : sockets) {
        if (isServed(socket)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private static boolean isServed(Path socket) throws IOException {
    try {
      NbdConnection.open(NbdUri.unix(socket, "none"), List.of(), NBD_MAX).close();
      return true;
    } catch (NbdException e) {
      return e.kind() != NbdException.Kind.UNREACHABLE;
    }
  }

  private boolean removeBitmaps(Qemu qemu) throws SourceException {
    boolean any = false;
    for (Node node : qemu.nodes()) {
      for (Node.Bitmap bitmap : node.bitmaps()) {
        if (bitmap.name().startsWith(prefix)) {
          qemu.run("block-dirty-bitmap-remove", "node", node.name(), "name", bitmap.name());
          any = true;
        }
      }
    }
    return any;
  }

  /** What lies over another node goes first; QEMU calls files by longer names. */
  private boolean removeNodes(Qemu qemu) throws SourceException {
    List<Node> ours =
        qemu.nodes().stream()
            .filter(node -> node.name().startsWith(prefix))
            .sorted((a, b) -> Boolean.compare(a.name().endsWith("f"), b.name().endsWith("f")))
            .toList();
    for (Node node : ours) {
      qemu.run("blockdev-del", "node-name", node.name());
      Path file = Path.of(node.file());
      if (node.driver().equals("file") && isOurs(String.valueOf(file.getFileName()))) {
        file.toFile().delete(); // also in a folder that the definition does not name any more
      }
    }
    return !ours.isEmpty();
  }

  private DirectoryStream<Path> left(String which) throws IOException {
    return Files.newDirectoryStream(scratch, files + which);
  }

  /** Removes files that nobody uses any more: QEMU is off, or has let go of them. */
  void removeFiles() {
    if (!Files.isDirectory(scratch)) {
      return;
    }
    try (DirectoryStream<Path> left = left("*")) {
      for (Path file : left) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      log.warn("{}: files of an ended snapshot stay: {}", scratch, e.toString());
    }
  }

  private SourceException unreadable(IOException e) {
    return new SourceException(
        SourceException.Kind.FAILED,
        "scratch folder " + scratch + ": " + e + "; make it, or name another one",
        e);
  }
}
