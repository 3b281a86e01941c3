package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import java.util.concurrent.TimeUnit;
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

  @TempDir Path folder;

  @BeforeEach
  void makeFolders() throws IOException {
    Files.createDirectories(folder.resolve("jobs"));
    Files.createDirectories(folder.resolve("home"));
  }

  private void makeCertificate() throws Exception {
    Process openssl =
        new ProcessBuilder(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout",
                folder.resolve("server.key").toString(),
                "-out",
                folder.resolve("server.crt").toString())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("openssl.txt").toFile())
            .start();
    assertThat(openssl.waitFor()).as(() -> "openssl, of Debian's package openssl").isZero();
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

  private HttpClient trusting() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(folder.resolve("server.crt"))) {
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
      HttpClient client = trusting();

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
