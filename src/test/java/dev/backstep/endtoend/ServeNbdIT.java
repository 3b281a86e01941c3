package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.testing.Tool;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Restore points as exports, read and written by other people's clients. */
class ServeNbdIT {

  @TempDir private Path folder;

  private Program program;
  private Path scratch;
  private final List<Path> models = new ArrayList<>();
  private String id = "";
  private Process serving;

  @BeforeEach
  void backUpThreeDisksTwice() throws Exception {
    program = new Program(folder);
    scratch = Files.createDirectory(folder.resolve("scratch"));
    String[] sizes = {"20M", "12345", "4T"};
    StringBuilder disks = new StringBuilder();
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Path disk = folder.resolve("d" + i + ".qcow2");
      files.add(disk);
      if (i == 1) {
        disk = folder.resolve("d1.raw");
        files.set(1, disk);
        Files.write(disk, new byte[] {1, 2, 3});
        Files.write(disk, new byte[12342], StandardOpenOption.APPEND);
      } else {
        Tool.run("qemu-img", "create", "-q", "-f", "qcow2", disk, sizes[i]);
      }
      disks.append("{ key: k").append(i).append(", path: ").append(disk).append(" },");
    }
    Path job = folder.resolve("a.yaml");
    Files.writeString(
        job,
        "vm: a\ncompression: zstd\nsource: { type: image, disks: ["
            + disks
            + "] }\nrepository: "
            + folder.resolve("repository")
            + "\n");
    for (int backup = 0; backup < 2; backup++) {
      for (int i = 0; i < 3; i += 2) {
        write(files.get(i), "write -q -P " + (7 + backup) + " " + (backup * 3 + 1) + "M 2M");
        write(files.get(i), "write -q -z " + (backup * 3 + 2) + "M 300k");
      }
      write(files.get(2), "write -q -P 3 " + (3L << 40) + " 70000");
      id = program.succeed("backup", job.toString(), "--json").json().get("backup_id").asString();
    }
    models.addAll(files);
  }

  private static void write(Path disk, String command) {
    Tool.run("qemu-io", "-f", "qcow2", "-c", command, disk);
  }

  @AfterEach
  void end() throws InterruptedException {
    if (serving != null) {
      serving.destroy();
      assertThat(serving.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  private JsonNode serve(String... more) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("serve-nbd", id, "--json"));
    arguments.addAll(List.of(more));
    Path output = folder.resolve("serving.out");
    serving =
        program.start(output, folder.resolve("serving.err"), arguments.toArray(String[]::new));
    for (int i = 0; i < 600; i++) {
      String text = Files.readString(output);
      if (text.strip().endsWith("}")) {
        return new JsonMapper().readTree(text);
      }
      assertThat(serving.isAlive()).as(Files.readString(folder.resolve("serving.err"))).isTrue();
      Thread.sleep(100);
    }
    throw new AssertionError("nothing is served: " + Files.readString(output));
  }

  private static String uri(JsonNode served, int disk) {
    return served.get("disks").get(disk).get("uri").asString();
  }

  private void compare(JsonNode served, int disk) {
    String format = disk == 1 ? "raw" : "qcow2";
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", format, uri(served, disk), models.get(disk));
  }

  @Test
  void otherClientsReadEveryDiskAndItsHoles() throws Exception {
    JsonNode served = serve();

    for (int disk = 0; disk < 3; disk++) {
      compare(served, disk);
    }
    JsonNode info = new JsonMapper().readTree(Tool.run("nbdinfo", "--json", uri(served, 1)));
    assertThat(info.get("exports").get(0).get("export-size").asLong()).isEqualTo(12345);
    assertThat(info.get("exports").get(0).get("is_read_only").asBoolean()).isTrue();
    assertThat(info.get("exports").get(0).get("can_multi_conn").asBoolean()).isTrue();
    String map = Tool.run("nbdinfo", "--map", "--totals", uri(served, 2));
    assertThat(map).as("4 TiB of holes cost nothing").contains("hole,zero");
    Path copy = folder.resolve("copy.raw");
    Tool.run("nbdcopy", "--connections=4", uri(served, 0), copy);
    Tool.compare(copy, "raw", models.getFirst(), "qcow2");
    Path socket = Path.of(uri(served, 0).replaceAll(".*socket=", ""));
    assertThat(Files.getPosixFilePermissions(socket)).hasSize(2);
    assertThat(Tool.tryRun("qemu-io", "-f", "raw", "-c", "write 0 1k", uri(served, 0)).status())
        .isNotZero();
    // The database is nobody's while a restore point is served.
    program.succeed("list");

    serving.destroy();

    assertThat(serving.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(serving.exitValue()).isZero();
    assertThat(socket.getParent()).doesNotExist();
  }

  @Test
  void whatIsWrittenIsReadBackByAllAndGoneAtTheEnd() throws Exception {
    String before = contents();
    JsonNode served =
        serve("--writable-overlay", "--scratch", "" + scratch, "--socket", folder + "/s ö");
    Random random = new Random(5);
    List<String> commands = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      int at = random.nextInt(20 << 20);
      int length = Math.min((20 << 20) - at, 1 + random.nextInt(300_000));
      String what = List.of("write -P " + i % 250, "write -z", "discard").get(random.nextInt(3));
      commands.addAll(List.of("-c", what + " " + at + " " + length));
    }
    // What qemu may do with a discard is its own: both sides are told to write zeros instead.
    commands.replaceAll(command -> command.replace("discard", "write -z"));
    for (String target : List.of(uri(served, 0), models.getFirst().toString())) {
      List<Object> words = new ArrayList<>(List.of("qemu-io", "-t", "writeback"));
      words.addAll(List.of("-f", target.startsWith("nbd") ? "raw" : "qcow2"));
      words.addAll(commands);
      words.add(target);
      Tool.run(words.toArray());
    }

    compare(served, 0);
    compare(served, 2);
    assertThat(contents()).as("the repository").isEqualTo(before);
    try (Stream<Path> left = Files.list(scratch)) {
      assertThat(left).as("nothing has a name that a crash could leave").isEmpty();
    }
  }

  /**
   * Whoever came before it reads the old chain, who comes later the new one: both show the same.
   */
  @Test
  void chainIsMergedWhileItIsServed() throws Exception {
    Path job = folder.resolve("a.yaml");
    Files.writeString(job, "retention: { last: 1 }\n", StandardOpenOption.APPEND);
    String before = contents();
    JsonNode served = serve();
    Process early =
        new ProcessBuilder("stdbuf", "-oL", "qemu-io", "-r", "-f", "raw", uri(served, 0))
            .redirectErrorStream(true)
            .start();
    try (BufferedReader answers = early.inputReader();
        BufferedWriter questions = early.outputWriter()) {
      asks(questions, answers);
      Path output = folder.resolve("merge.out");
      Process merge = program.start(output, folder.resolve("merge.err"), "merge", job.toString());
      int readings = 0;
      do {
        compare(served, 0);
        compare(served, 2);
        readings++;
      } while (merge.isAlive() || readings < 2);
      assertThat(merge.waitFor()).as(Files.readString(folder.resolve("merge.err"))).isZero();
      assertThat(contents())
          .as("images were replaced, and one restore point is gone")
          .isNotEqualTo(before);
      assertThat(program.succeed("list", "--json").json().valueStream())
          .filteredOn(point -> point.get("status").asString().equals("COMPLETED"))
          .hasSize(1);

      asks(questions, answers);
      for (int disk = 0; disk < 3; disk++) {
        compare(served, disk);
      }
    }
    end();
    JsonNode anew = serve();
    for (int disk = 0; disk < 3; disk++) {
      compare(anew, disk);
    }
  }

  /** One client, connected all the time, reads what each of the two backups has written. */
  private static void asks(BufferedWriter questions, BufferedReader answers) throws IOException {
    for (String read : List.of("read -P 7 1M 1M", "read -P 8 4M 1M", "read -P 0 5M 300k")) {
      questions.write(read + "\n");
      questions.flush();
      String answer = answers.readLine();
      while (answer != null && !answer.contains("ops; ")) {
        assertThat(answer).doesNotContain("failed");
        answer = answers.readLine();
      }
      assertThat(answer).as(read).isNotNull();
    }
  }

  private String contents() {
    return Tool.run(
        "sh", "-c", "find '" + folder.resolve("repository") + "' -type f | sort | xargs sha256sum");
  }

  @Test
  void oneDiskByFilesAloneOnAPort() throws Exception {
    JsonNode served =
        serve("--disk", "1", "--port", "0", "--repository", "" + folder.resolve("repository"));

    assertThat(served.get("disks")).hasSize(1);
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri(served, 0), models.get(1));
    String without = uri(served, 0).replace("/disk-1", "/");
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", without, models.get(1));
    assertThat(Tool.tryRun("nbdinfo", uri(served, 0).replace("disk-1", "disk-0")).status())
        .isNotZero();
  }

  @Test
  void hostileClientsHurtOnlyThemselves() throws Exception {
    JsonNode served = serve("--disk", "0", "--port", "0");
    int port = Integer.parseInt(uri(served, 0).replaceAll(".*:([0-9]+)/.*", "$1"));
    Random random = new Random(11);
    for (int i = 0; i < 300; i++) {
      try (Socket socket = new Socket("127.0.0.1", port)) {
        socket.setSoTimeout(5000);
        InputStream in = socket.getInputStream();
        in.readNBytes(18);
        ByteBuffer bytes = ByteBuffer.allocate(4096).putInt(3);
        if (i % 3 > 0) {
          // In by EXPORT_NAME, then requests of random numbers; each third one in pure nonsense.
          byte[] name = "disk-0".getBytes(StandardCharsets.UTF_8);
          bytes.putLong(0x49484156454f5054L).putInt(i % 3 == 1 ? 1 : random.nextInt(12));
          bytes.putInt(name.length).put(name);
          while (bytes.remaining() > 28) {
            bytes.putInt(0x25609513).putShort((short) random.nextInt(32));
            bytes.putShort((short) random.nextInt(9)).putLong(random.nextLong());
            bytes.putLong(random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(20 << 20));
            bytes.putInt(random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(4096));
          }
        } else {
          byte[] noise = new byte[bytes.remaining()];
          random.nextBytes(noise);
          bytes.put(noise);
        }
        socket.getOutputStream().write(bytes.array(), 0, bytes.position());
        if (i % 2 == 0) {
          in.readNBytes(64);
        }
      } catch (IOException e) {
        // turned out by the server, as it may
      }
    }

    assertThat(serving.isAlive()).isTrue();
    Tool.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri(served, 0), models.getFirst());
  }
}
