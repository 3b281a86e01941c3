package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.catalog.MariaDbServer;
import dev.backstep.endtoend.Program;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Others than this host reach the server over TLS or not at all. */
class TlsIT {

  private static final String NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1";

  @TempDir Path folder;

  @BeforeEach
  void makeFolders() throws IOException {
    Files.createDirectories(folder.resolve("jobs"));
    Files.createDirectories(folder.resolve("home"));
  }

  private void makeCertificate() throws Exception {
    selfSigned("server", "localhost", "-addext", NAMES);
  }

  /** An authority that nobody's system knows. */
  private void makeAuthority(String name) throws Exception {
    selfSigned(name, name);
  }

  private void selfSigned(String file, String subject, String... more) throws Exception {
    List<String> words =
        new ArrayList<>(List.of("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"));
    words.addAll(List.of("-subj", "/CN=" + subject, "-keyout", file + ".key"));
    words.addAll(List.of("-out", file + ".crt"));
    words.addAll(List.of(more));
    openssl(words.toArray(String[]::new));
  }

  private void openssl(String... arguments) throws Exception {
    Process openssl =
        new ProcessBuilder(Stream.concat(Stream.of("openssl"), Stream.of(arguments)).toList())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("openssl.txt").toFile())
            .start();
    assertThat(openssl.waitFor()).as(() -> "openssl, of Debian's package openssl").isZero();
  }

  /** A new key and a certificate for it, put in the place of those that are there. */
  private void issue(String authority, String name) throws Exception {
    openssl(
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-addext",
        NAMES,
        "-keyout",
        "new.key",
        "-out",
        "new.csr");
    openssl(
        "x509",
        "-req",
        "-in",
        "new.csr",
        "-CA",
        authority + ".crt",
        "-CAkey",
        authority + ".key",
        "-copy_extensions",
        "copy",
        "-days",
        "1",
        "-out",
        "new.crt");
    Files.writeString(
        folder.resolve("new.crt"),
        Files.readString(folder.resolve(authority + ".crt")),
        StandardOpenOption.APPEND);
    for (String kind : List.of(".key", ".crt")) {
      Files.move(
          folder.resolve("new" + kind),
          folder.resolve(name + kind),
          StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** As the sample configuration shows it. */
  private void configure(String address) throws Exception {
    String sample = Files.readString(Path.of("ops", "config", "backstep.yaml"));
    String tls =
        sample
            .substring(sample.indexOf("# server:\n"))
            .replaceAll("(?m)^# ?", "")
            .replace("0.0.0.0", address)
            .replace("/etc/backstep/", folder + "/");
    assertThat(tls).contains("ssl.bundle: backstep");
    Files.writeString(folder.resolve("home/backstep.yaml"), tls);
  }

  private static HttpResponse<String> get(HttpClient client, String url, String token)
      throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create(url)).header("Authorization", "Bearer " + token).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private HttpClient trusting(String certificate) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(folder.resolve(certificate))) {
      store.setCertificateEntry(
          "server", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return HttpClient.newBuilder().sslContext(context).build();
  }

  @Test
  void servesEverybodyOverTls() throws Exception {
    makeCertificate();
    configure("0.0.0.0");
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      assertThat(server.url()).startsWith("https://");
      String url = server.url().replace("0.0.0.0", "127.0.0.1") + "/api/v1/backups";
      HttpClient client = trusting("server.crt");

      assertThat(get(client, url, server.admin()).statusCode()).isEqualTo(200);
      assertThat(get(client, url, "wrong").statusCode()).isEqualTo(401);
      assertThatThrownBy(() -> get(HttpClient.newHttpClient(), url, server.admin()))
          .isInstanceOf(SSLHandshakeException.class);
      assertThat(
              get(HttpClient.newHttpClient(), url.replace("https", "http"), server.admin())
                  .statusCode())
          .isEqualTo(400);
    }
  }

  /** The digest that the commands of the home folder know the server by. */
  private String noted() throws IOException {
    return Files.readString(folder.resolve("home/server.json"))
        .replaceAll("(?s).*\"certificate_sha256\":\"([0-9a-f]{64})\".*", "$1");
  }

  private void assertCommandIsAnswered() throws Exception {
    Program.Result result = new Program(folder).run("token", "list");
    assertThat(result.status()).as(result.errors()).isZero();
    assertThat(result.output()).contains("admin");
  }

  @Test
  void renewedCertificateIsTakenUpWithoutARestartByServerAndCommands() throws Exception {
    makeAuthority("own");
    makeAuthority("other");
    issue("own", "server");
    configure("127.0.0.1");
    Files.writeString(
        folder.resolve("home/backstep.yaml"),
        "spring.ssl.bundle.watch.file.quiet-period: 1s\n",
        StandardOpenOption.APPEND);
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      String url = server.url() + "/api/v1/backups";
      String first = noted();
      assertThat(first).matches("[0-9a-f]{64}");
      assertCommandIsAnswered();
      assertThat(get(trusting("own.crt"), url, server.admin()).statusCode()).isEqualTo(200);
      assertThatThrownBy(() -> get(trusting("other.crt"), url, server.admin()))
          .isInstanceOf(SSLHandshakeException.class);

      issue("other", "server");
      for (int i = 0; i < 600 && noted().equals(first); i++) {
        Thread.sleep(100);
      }

      assertThat(noted()).isNotEqualTo(first);
      assertCommandIsAnswered();
      assertThat(get(trusting("other.crt"), url, server.admin()).statusCode()).isEqualTo(200);
      assertThatThrownBy(() -> get(trusting("own.crt"), url, server.admin()))
          .as("the old one is presented no more")
          .isInstanceOf(SSLHandshakeException.class);
      assertThat(server.process().isAlive()).isTrue();
    }
  }

  /** As something that has taken the server's port, with a certificate for the same name. */
  @Test
  void commandTellsItsTokenToNoOtherThanTheServer() throws Exception {
    makeAuthority("own");
    makeAuthority("other");
    issue("own", "server");
    issue("other", "impostor");
    configure("127.0.0.1");
    int port = MariaDbServer.freePort();
    Path heard = folder.resolve("heard");
    Process impostor =
        new ProcessBuilder(
                "openssl",
                "s_server",
                "-accept",
                "127.0.0.1:" + port,
                "-cert",
                "impostor.crt",
                "-key",
                "impostor.key",
                "-www")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(heard.toFile())
            .start();
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      ServerProcess.awaitText(impostor, heard, "ACCEPT");
      Path note = folder.resolve("home/server.json");
      String whole = Files.readString(note);
      String there = "https://127.0.0.1:" + port;
      Files.writeString(note, whole.replace(server.url(), there));

      Program.Result refused = new Program(folder).run("token", "list");

      assertThat(refused.status()).isEqualTo(1);
      assertThat(refused.output()).isEmpty();
      assertThat(refused.errors().lines()).hasSize(1);
      assertThat(refused.errors())
          .contains(
              there + " is not trusted",
              "the server's certificate is not the one that server.json of the home folder names")
          .doesNotContain(server.admin(), "Exception");
      assertThat(impostor.isAlive()).isTrue();
      assertThat(heard).content().doesNotContain("Bearer", server.admin());
      Files.writeString(note, whole);
      assertCommandIsAnswered();
    } finally {
      impostor.destroy();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::"})
  void refusesOthersWithoutTls(String address) throws Exception {
    Process process = ServerProcess.launch(folder, "home", Map.of(), "--bind", address);

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(2);
    assertThat(ServerProcess.errors(folder, "home")).content().contains("TLS", "127.0.0.1");
  }

  @Test
  void refusesAConfiguredAddressWithoutTlsToo() throws Exception {
    Files.writeString(folder.resolve("home/backstep.yaml"), "server.address: 0.0.0.0\n");

    Process process = ServerProcess.launch(folder, "home", Map.of());

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(2);
  }

  @Test
  void certificateThatIsNotThereIsTold() throws Exception {
    configure("127.0.0.1");

    Process process = ServerProcess.launch(folder, "home", Map.of());

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isNotZero();
    assertThat(ServerProcess.errors(folder, "home"))
        .content()
        .contains("/server.", "neither a file");
  }

  @Test
  void sampleConfigurationIsAcceptedAndNoStrayOneIsRead() throws Exception {
    Files.copy(Path.of("ops", "config", "backstep.yaml"), folder.resolve("home/backstep.yaml"));
    Files.writeString(folder.resolve("application.yaml"), "server.port: refused");
    try (ServerProcess server = ServerProcess.start(folder, "home", Map.of())) {
      assertThat(server.get("/health").statusCode()).isEqualTo(200);
    }
  }
}
