package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * A VM whose disk an NBD server exports, with the dirty bitmaps that the server's operator makes.
 */
class NbdIT {

  /** Nothing of a name is special to us. */
  private static final String FIRST = "52 ab/../it's \"7\"";

  private static final String SECOND = "second";

  @TempDir Path folder;

  private Program program;
  private Path disk;
  private Path socket;
  private Process server;

  @BeforeEach
  void makeDisk() throws IOException {
    program = new Program(folder);
    disk = folder.resolve("disk.qcow2");
    socket = folder.resolve("nbd.sock");
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, "65540K");
    write("write -q -P 1 0 8M");
    Files.createDirectory(folder.resolve("jobs"));
  }

  @AfterEach
  void endServer() throws Exception {
    if (server != null) {
      server.destroyForcibly().waitFor();
    }
  }

  private void write(String command) {
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disk);
  }

  private void serve(List<String> where, String... bitmaps) throws Exception {
    endServer();
    Files.deleteIfExists(socket);
    List<String> command = new ArrayList<>(List.of("qemu-nbd", "-r", "-t", "-e", "8"));
    command.addAll(where);
    for (String bitmap : bitmaps) {
      command.addAll(List.of("-B", bitmap));
    }
    command.addAll(List.of("-f", "qcow2", disk.toString()));
    server = new ProcessBuilder(command).inheritIO().start();
  }

  private void serveOnSocket(String... bitmaps) throws Exception {
    serve(List.of("-k", socket.toString()), bitmaps);
    awaitSocket();
  }

  private void awaitSocket() throws Exception {
    for (int i = 0; i < 2000 && !Files.exists(socket); i++) {
      Thread.sleep(5);
    }
    assertThat(socket).exists();
  }

  private int serveOnPort() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      port = free.getLocalPort();
    }
    serve(List.of("-b", "127.0.0.1", "-p", "" + port));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        new Socket(InetAddress.ofLiteral("127.0.0.1"), port).close();
        return port;
      } catch (IOException e) {
        assertThat(System.nanoTime()).as("%s", e).isLessThan(deadline);
        Thread.sleep(5);
      }
    }
  }

  /** Backs the disk up as a moment that the bitmap of this name begins at. */
  private JsonNode backUp(String changeId, String uri, int connections) throws Exception {
    Files.writeString(
        folder.resolve("jobs/net.yaml"),
        """
        vm: net
        source:
          type: nbd
          disks:
            - { key: n, uri: "%s", connections: %d, change-id: "%s" }
        repository: %s
        """
            .formatted(
                uri, connections, changeId.replace("\"", "\\\""), folder.resolve("repository")));
    JsonNode only = program.succeed("backup", "net", "--json").json().get("disks").get(0);
    Path image = Path.of(only.get("image").asString());
    Tool.checkImage(image);
    Tool.compare(image, "qcow2", disk, "qcow2");
    assertThat(only.get("change_id").asString()).isEqualTo(changeId);
    return only;
  }

  private String onSocket() {
    return "nbd+unix:///?socket=" + socket;
  }

  @Test
  void theServersDirtyBitmapSaysWhatChanged() throws Exception {
    Tool.run("qemu-img", "bitmap", "--add", disk, FIRST);
    serveOnSocket();
    JsonNode full = backUp(FIRST, onSocket(), 1);
    endServer();
    write("write -q -P 2 20M 64K");
    write("write -q -z 2M 1M");
    Tool.run("qemu-img", "bitmap", "--add", disk, SECOND);
    serveOnSocket(FIRST);

    JsonNode incremental = backUp(SECOND, onSocket(), 1);

    assertThat(full.get("reason").asString()).isEqualTo("NO_BASELINE");
    assertThat(incremental.get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    assertThat(incremental.get("previous_change_id").asString()).isEqualTo(FIRST);
    assertThat(incremental.get("backing_image")).isEqualTo(full.get("image"));
    assertThat(incremental.get("bytes_transferred").asLong()).isBetween(65_536L, 131_072L);
  }

  @Test
  void aBitmapThatIsNotThereIsAReset() throws Exception {
    serveOnSocket();
    backUp(FIRST, onSocket(), 1);
    endServer();
    Tool.run("qemu-img", "bitmap", "--add", disk, "another");
    serveOnSocket("another");

    JsonNode reset = backUp(SECOND, onSocket(), 1);

    assertThat(reset.get("reason").asString()).isEqualTo("CBT_RESET");
    assertThat(reset.get("cause").asString()).contains("qemu:dirty-bitmap:another", FIRST);
  }

  @Test
  void aServerWithoutBitmapsIsReadOverSeveralConnections() throws Exception {
    String uri = "nbd://127.0.0.1:" + serveOnPort() + "/";
    backUp(FIRST, uri, 4);

    JsonNode untracked = backUp(SECOND, uri, 4);

    assertThat(untracked.get("reason").asString()).isEqualTo("CBT_UNAVAILABLE");
  }

  /** It fails every request that is smaller, larger or otherwise cut than it has said. */
  @Test
  void aServersBlockSizesAreKept() throws Exception {
    Path raw = folder.resolve("disk.raw");
    Tool.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, raw);
    server =
        new ProcessBuilder(
                "nbdkit",
                "-f",
                "-U",
                socket.toString(),
                "--filter=blocksize-policy",
                "file",
                raw.toString(),
                "blocksize-minimum=4096",
                "blocksize-preferred=4096",
                "blocksize-maximum=64K",
                "blocksize-error-policy=error")
            .inheritIO()
            .start();
    awaitSocket();

    JsonNode full = backUp(FIRST, onSocket(), 1);

    assertThat(full.get("bytes_read").asLong()).isGreaterThanOrEqualTo(8 << 20);
  }
}
