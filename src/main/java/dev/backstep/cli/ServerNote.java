package dev.backstep.cli;

import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.source.PinnedCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a server leaves in its home folder for the commands of that folder: {@code server.json},
 * readable by its owner only. It is there while the server serves; one whose process is gone counts
 * for nothing.
 *
 * @param url where it answers, as seen from this host
 * @param process which process it is
 * @param certificate SHA-256 of its TLS certificate in hexadecimal digits; empty without TLS
 */
public record ServerNote(String url, ProcessIdentity process, Optional<String> certificate) {

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String FILE = "server.json";

  /** What {@link #certificate} holds of a certificate. */
  public static String fingerprint(X509Certificate certificate) throws CertificateException {
    return PinnedCertificate.sha256(certificate);
  }

  /** Replaces the home folder's note. */
  public void write(Path home) throws IOException {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("url", url);
    fields.put("host", process.host());
    fields.put("process_id", process.processId());
    fields.put("process_start", process.start());
    fields.put("certificate_sha256", certificate.orElse(null));
    Path whole =
        Files.createTempFile(
            home,
            FILE,
            ".new",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(whole, JSON.writeValueAsString(fields) + "\n");
    Files.move(whole, home.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes it, when it is this process's. */
  public static void remove(Path home) throws IOException {
    Optional<ServerNote> note = read(home);
    if (note.isPresent() && note.get().process().equals(ProcessIdentity.current())) {
      Files.deleteIfExists(home.resolve(FILE));
    }
  }

  /** The note of a server that lives; empty where there is none. */
  static Optional<ServerNote> ofLiving(Path home) throws IOException {
    return read(home).filter(note -> note.process().isAlive());
  }

  private static Optional<ServerNote> read(Path home) throws IOException {
    try {
      JsonNode fields = JSON.readTree(Files.readString(home.resolve(FILE)));
      return Optional.of(
          new ServerNote(
              fields.path("url").asString(),
              new ProcessIdentity(
                  fields.path("host").asString(),
                  fields.path("process_id").asLong(),
                  fields.path("process_start").asString()),
              Optional.ofNullable(fields.path("certificate_sha256").asString(null))));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (JacksonException e) {
      throw new IOException(
          home.resolve(FILE) + ": is no note of a server; remove it when none runs", e);
    }
  }
}
