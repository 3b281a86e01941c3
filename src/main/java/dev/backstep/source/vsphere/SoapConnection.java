package dev.backstep.source.vsphere;

import dev.backstep.source.PinnedCertificate;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** Carries calls over HTTPS, to a server whose certificate is pinned, or vouched for by the JDK. */
final class SoapConnection implements SoapCarrier {

  /** The server picks its schema by this, so its answers stay the same when it is upgraded. */
  private static final String ACTION = "\"urn:vim25/6.7\"";

  private static final String LOGIN = "Login";
  private static final String COOKIE = "vmware_soap_session=";
  private static final Duration CONNECT_MAX = Duration.ofSeconds(20);
  static final Duration ANSWER_MAX = Duration.ofMinutes(3);
  private static final int ANSWER_BYTES_MAX = 256 << 20;

  private final VsphereSettings settings;
  private final HttpClient http;
  private final URI endpoint;
  private volatile @Nullable String cookie;
  private volatile String thumbprint = "";

  SoapConnection(VsphereSettings settings) {
    this.settings = settings;
    this.endpoint = settings.endpoint("/sdk");
    this.http = client(settings);
  }

  /** What connects as a definition says; the caller closes it. */
  static HttpClient client(VsphereSettings settings) {
    HttpClient.Builder builder =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(CONNECT_MAX);
    settings
        .pin()
        .ifPresent(sha256 ->
            builder.sslContext(
                PinnedCertificate.context(
                    sha256,
                    "its certificate is not the one that the definition names; where it was"
                        + " changed on purpose, correct `certificate`")));
    return builder.build();
  }

  @Override
  public String thumbprint() {
    return thumbprint;
  }

  @Override
  public XmlNode call(String method, SoapBody body) throws SourceException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(endpoint)
            .timeout(ANSWER_MAX)
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("SOAPAction", ACTION)
            .POST(BodyPublishers.ofString(body.envelope()));
    boolean begins = method.equals(LOGIN);
    String session = cookie;
    if (session != null && !begins) {
      request.header("Cookie", session);
    }
    try {
      HttpResponse<byte[]> response =
          http.send(
              request.build(), BodyHandlers.limiting(BodyHandlers.ofByteArray(), ANSWER_BYTES_MAX));
      noteThumbprint(response);
      XmlNode answer = content(method, response);
      if (begins) {
        remember(response);
      }
      return answer;
    } catch (SourceException e) {
      throw e;
    } catch (SSLException e) {
      throw unreachable(method, "no trusted connection: " + deepest(e), e);
    } catch (ConnectException e) {
      throw unreachable(method, "no connection; is it up, and is that its address?", e);
    } catch (IOException e) {
      throw unreachable(method, deepest(e), e);
    } catch (InterruptedException e) {
      throw unreachable(method, "interrupted", e);
    }
  }

  /** Cookies come with other answers, too, faults among them, and are nobody's session then. */
  private void remember(HttpResponse<byte[]> response) throws SourceException {
    // Verbatim: a vCenter quotes the value and wants the quotes back.
    cookie =
        response.headers().allValues("Set-Cookie").stream()
            .filter(value -> value.startsWith(COOKIE))
            .findFirst()
            .map(value -> value.split(";", 2)[0])
            .orElseThrow(() ->
                unreachable(LOGIN, "its answer begins no session, for it has no cookie", null));
  }

  private void noteThumbprint(HttpResponse<byte[]> response) throws IOException {
    Optional<SSLSession> session = response.sslSession();
    if (session.isPresent()) {
      thumbprint = sha1(session.get().getPeerCertificates()[0]);
    }
  }

  private static String sha1(Certificate certificate) throws IOException {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-1").digest(certificate.getEncoded());
      return HexFormat.ofDelimiter(":").formatHex(digest).toUpperCase(Locale.ROOT);
    } catch (GeneralSecurityException e) {
      throw new IOException("its certificate cannot be digested", e);
    }
  }

  private XmlNode content(String method, HttpResponse<byte[]> response) throws IOException {
    int status = response.statusCode();
    if (status != 200 && status != 500) {
      throw unreachable(method, "HTTP status " + status, null);
    }
    XmlNode answer =
        XmlNode.parse(response.body()).required("Body").children().stream()
            .findFirst()
            .orElseThrow(() -> new IOException("its answer is empty"));
    if (!answer.name().equals("Fault")) {
      return answer;
    }
    XmlNode detail =
        answer.child("detail").flatMap(all -> all.children().stream().findFirst()).orElse(answer);
    throw fault(settings.address() + ": " + method, detail, answer.text("faultstring").orElse(""));
  }

  /** A fault as its element tells it. */
  static VsphereFault fault(String doing, XmlNode fault, String message) {
    String name = fault.type().isEmpty() ? fault.name().replaceFirst("Fault$", "") : fault.type();
    return new VsphereFault(doing, name, fault.text("invalidProperty").orElse(""), message);
  }

  private SourceException unreachable(String method, String why, @Nullable Throwable cause) {
    String text = settings.address() + ": " + method + ": " + why;
    return cause == null
        ? new SourceException(SourceException.Kind.UNREACHABLE, text)
        : new SourceException(SourceException.Kind.UNREACHABLE, text, cause);
  }

  private static String deepest(Throwable error) {
    Throwable cause = error;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  @Override
  public void close() {
    http.close();
  }
}
