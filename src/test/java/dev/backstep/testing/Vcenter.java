package dev.backstep.testing;

import dev.backstep.source.PinnedCertificate;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A vCenter in a process of its own: VMware's simulator with change tracking on top, see {@code
 * src/test/go/vcenter}. It is compiled when its source changed since the last time.
 */
public final class Vcenter implements AutoCloseable {

  public static final String USER = "backup@test.local";
  public static final String PASSWORD = "p&<ss \"word'";

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Path SOURCE = Path.of("src", "test", "go", "vcenter");
  private static final Path STAND_IN = Path.of("src", "test", "sh", "nbdkit-vddk").toAbsolutePath();
  private static final Path BUILT = Path.of("target", "vcenter").toAbsolutePath();
  private static final String LIBRARIES = "/usr/share/gocode";

  private final Path folder;
  private final Process process;
  private final String address;
  private String certificate;
  private HttpClient http;

  private Vcenter(Path folder, Process process, String started) {
    this.folder = folder;
    this.process = process;
    this.address = started.replaceFirst(".*address=(\\S+).*", "$1");
    this.certificate = started.replaceFirst(".*thumbprint=(\\S+).*", "$1");
    this.http = client();
  }

  /**
   * Starts one.
   *
   * @param folder where its disks are kept
   */
  public static Vcenter start(Path folder) throws IOException {
    Path program = program();
    Process process =
        new ProcessBuilder(
                program.toString(),
                "-folder",
                folder.toString(),
                "-user",
                USER,
                "-password",
                PASSWORD)
            .redirectError(folder.resolve("vcenter.log").toFile())
            .start();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String started = lines.readLine();
    if (started == null) {
      throw new AssertionError(
          "the vCenter did not start: " + Files.readString(folder.resolve("vcenter.log")));
    }
    Vcenter vcenter = new Vcenter(folder, process, started);
    Files.writeString(vcenter.passwordFile(), PASSWORD + "\n");
    vcenter.noteThumbprint();
    return vcenter;
  }

  private static Path program() throws IOException {
    Path program = BUILT.resolve(digestOfSource()).resolve("vcenter");
    if (Files.isExecutable(program)) {
      return program;
    }
    Files.createDirectories(program.getParent());
    try (FileChannel channel =
            FileChannel.open(
                BUILT.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock ignored = channel.lock()) {
      if (!Files.isExecutable(program)) {
        Path made = program.resolveSibling("vcenter.new");
        compile(made);
        Files.move(made, program, StandardCopyOption.ATOMIC_MOVE);
      }
    }
    return program;
  }

  private static void compile(Path to) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder("go", "build", "-o", to.toString(), ".").directory(SOURCE.toFile());
    builder
        .environment()
        .putAll(
            Map.of(
                "GO111MODULE", "off",
                "GOPATH", LIBRARIES,
                "GOFLAGS", "-p=2",
                "CGO_ENABLED", "0",
                "GOCACHE", BUILT.resolve("cache").toString()));
    try {
      Process go = builder.redirectErrorStream(true).start();
      String output = new String(go.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (go.waitFor() != 0) {
        throw new AssertionError("the vCenter of the tests cannot be compiled:\n" + output);
      }
    } catch (IOException e) {
      throw new AssertionError(
          "go cannot be started; install the Debian packages golang-go and"
              + " golang-github-vmware-govmomi-dev",
          e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String digestOfSource() throws IOException {
    try (Stream<Path> files = Files.list(SOURCE)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Path file : files.sorted().toList()) {
        digest.update(Files.readAllBytes(file));
      }
      return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** A VM of this vCenter. */
  public record Vm(String moref, String path, String instanceUuid, List<Integer> keys) {}

  /** Makes a running VM with tracking switched on, its disks empty, the first with key 2000. */
  public Vm vm(String name, long... disks) {
    return vm(Map.of("name", name, "tracking", "true"), disks);
  }

  /** Makes a VM; {@code lab.go} has the fields. */
  public Vm vm(Map<String, String> fields, long... disks) {
    Map<String, String> all = new TreeMap<>(fields);
    List<Integer> keys = new ArrayList<>();
    List<String> sizes = new ArrayList<>();
    for (long size : disks) {
      keys.add(2000 + keys.size());
      sizes.add(String.valueOf(size));
    }
    all.put("disks", String.join(",", sizes));
    JsonNode made = control("vm", all);
    return new Vm(
        made.get("vm").asString(), made.get("path").asString(), made.get("uuid").asString(), keys);
  }

  /** The fields of a source that name this vCenter, as settings of a definition. */
  public Map<String, String> settings(String selector, String selected) {
    Map<String, String> settings = new TreeMap<>();
    settings.put("server", "127.0.0.1");
    settings.put("port", address.replaceFirst(".*:", ""));
    settings.put("user", USER);
    settings.put("password-file", passwordFile().toString());
    settings.put("certificate", certificate);
    settings.put("nbdkit", STAND_IN.toString());
    settings.put("vddk", folder.toString());
    settings.put(selector, selected);
    return settings;
  }

  public Path passwordFile() {
    return folder.resolve("password");
  }

  /** Asks for something of {@code lab.go}: {@code control("fault", "method", "Login", ...)}. */
  public JsonNode control(String what, String... fields) {
    Map<String, String> all = new TreeMap<>();
    for (int i = 0; i < fields.length; i += 2) {
      all.put(fields[i], fields[i + 1]);
    }
    return control(what, all);
  }

  private JsonNode control(String what, Map<String, String> fields) {
    String form =
        fields.entrySet().stream()
            .map(field -> field.getKey() + "=" + encoded(field.getValue()))
            .collect(Collectors.joining("&"));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("https://" + address + "/lab/" + what))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form))
            .build();
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw new AssertionError(what + " " + fields + ": " + response.body());
      }
      return JSON.readTree(response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private HttpClient client() {
    return HttpClient.newBuilder()
        .sslContext(PinnedCertificate.context(certificate, "another certificate"))
        .build();
  }

  private void noteThumbprint() {
    String shown =
        Tool.run(
            "sh",
            "-c",
            "openssl s_client -connect "
                + address
                + " </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha1");
    try {
      Files.writeString(folder.resolve("thumbprint"), shown.strip().replaceFirst(".*=", ""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** From now on it shows another certificate. */
  public void changeCertificate() {
    String now = control("certificate").get("thumbprint").asString();
    http.close();
    certificate = now;
    http = client();
    noteThumbprint();
  }

  /** Whose certificate vouches for that of the vCenter. */
  public Certificate authority() throws IOException, CertificateException {
    try (InputStream file = Files.newInputStream(folder.resolve("authority.der"))) {
      return CertificateFactory.getInstance("X.509").generateCertificate(file);
    }
  }

  /** The guest writes random bytes here and there, and zeros. */
  public void write(Vm vm, int key, Random random, int writes) throws IOException {
    Path disk = live(vm, key);
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      for (int i = 0; i < writes; i++) {
        byte[] bytes = new byte[512 * (1 + random.nextInt(400))];
        if (random.nextInt(4) > 0) {
          random.nextBytes(bytes);
        }
        long room = file.length() - bytes.length;
        if (room > 0) {
          file.seek(random.nextLong(room / 512 + 1) * 512);
          file.write(bytes);
        }
      }
    }
  }

  public Path live(Vm vm, int key) {
    return folder.resolve("live").resolve(vm.moref()).resolve(key + ".raw");
  }

  /** What a snapshot has frozen of a disk; stays when the snapshot is removed. */
  public Path frozen(String snapshot, String key) {
    return folder.resolve("frozen").resolve(snapshot).resolve(key + ".raw");
  }

  /** Names of a VM's snapshots by moref. */
  public Map<String, String> snapshots(Vm vm) {
    Map<String, String> names = new TreeMap<>();
    control("snapshots", "vm", vm.moref())
        .properties()
        .forEach(one -> names.put(one.getKey(), one.getValue().asString()));
    return names;
  }

  public int openSessions() {
    return control("sessions").get("open").asInt();
  }

  /** How often somebody has logged in so far. */
  public int logins() {
    return control("sessions").get("logins").asInt();
  }

  /** How often a method was called so far. */
  public int calls(String method) {
    return control("calls").path(method).asInt(0);
  }

  /** How many requests were kept waiting so far. */
  public int held() {
    return control("held").get("held").asInt();
  }

  /** Servers of disks that are started wait as long as this is set, before they open their disk. */
  public void holdServers(boolean held) throws IOException {
    Path file = folder.resolve("hold");
    if (held) {
      Files.writeString(file, "");
    } else {
      Files.deleteIfExists(file);
    }
  }

  /**
   * How long each read of a disk that is opened from now on takes; empty for as long as it does.
   */
  public void readDelay(String delay) throws IOException {
    Files.writeString(folder.resolve("read-delay"), delay);
  }

  /** As {@link #readDelay}, for writes to the disks with a key. */
  public void writeDelay(int key, String delay) throws IOException {
    Path file = folder.resolve("write-delay").resolve(key + ".raw");
    Files.createDirectories(file.getParent());
    Files.writeString(file, delay);
  }

  /** How long a server takes from the end of who read or wrote its disk until it lets it go. */
  public void closeDelay(String delay) throws IOException {
    Files.writeString(folder.resolve("close-delay"), delay);
  }

  /** Switches a VM {@code on} or {@code off}, or has it {@code suspended}. */
  public void power(Vm vm, String state) {
    control("power", "vm", vm.moref(), "state", state);
  }

  /** Most servers of disks that ran at the same time, since this was asked last. */
  public int serversAtOnce() throws IOException {
    Path noted = folder.resolve("at-once");
    if (!Files.exists(noted)) {
      return 0;
    }
    int most = Files.readAllLines(noted).stream().mapToInt(Integer::parseInt).max().orElse(0);
    Files.delete(noted);
    return most;
  }

  /** Names of all snapshots of all VMs. */
  public List<String> snapshots() {
    List<String> names = new ArrayList<>();
    control("all-snapshots").forEach(name -> names.add(name.asString()));
    return names;
  }

  /** Processes that serve its disks. */
  public List<String> servers() {
    return Tool.run("ps", "-eo", "pid,args")
        .lines()
        .filter(line -> line.contains("nbdkit") && line.contains(folder.toString()))
        .filter(line -> !line.contains("vcenter -folder"))
        .toList();
  }

  @Override
  public void close() {
    http.close();
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
