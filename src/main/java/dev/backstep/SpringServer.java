package dev.backstep;

import dev.backstep.catalog.DatabaseWait;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.cli.Server;
import dev.backstep.cli.ServerNote;
import dev.backstep.job.ExternalBackups;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.ssl.NoSuchSslBundleException;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.web.server.Ssl;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/** The server that is a Spring context in this process. */
final class SpringServer implements Server {

  private static final Logger log = LoggerFactory.getLogger(SpringServer.class);

  private final ServletWebServerApplicationContext context;
  private final Path home;

  private SpringServer(ServletWebServerApplicationContext context, Path home) {
    this.context = context;
    this.home = home;
  }

  /** See {@link Server.Starter}. */
  static Optional<Server> start(Settings settings, BooleanSupplier stopped, Consumer<String> tell) {
    SpringEngine.makeFolder(settings.home());
    SpringApplication application = new SpringApplication(BackstepApplication.class);
    application.addPrimarySources(List.of(JobsConfiguration.class, ServerConfiguration.class));
    application.setWebApplicationType(WebApplicationType.SERVLET);
    application.setAdditionalProfiles("serve");
    application.setLogStartupInfo(false);
    // The program stops the command first, then closes the context.
    application.setRegisterShutdownHook(false);
    application.addInitializers(context ->
        ((GenericApplicationContext) context)
            .registerBean(DatabaseWait.class, () -> new DatabaseWait(stopped, tell)));
    List<String> properties = new ArrayList<>();
    properties.add("--backstep.home=" + settings.home());
    properties.add("--backstep.jobs=" + settings.jobs());
    settings.bind().ifPresent(bind -> properties.add("--server.address=" + bind));
    settings.port().ifPresent(port -> properties.add("--server.port=" + port));
    // Else an application.yaml that lies in the working folder by chance would be read, too.
    properties.add(
        "--spring.config.location=classpath:/,optional:file:"
            + settings.home().resolve("backstep.yaml"));
    if (settings.verbose()) {
      properties.add("--logging.threshold.console=DEBUG");
    } else {
      // A start that fails is the command's to tell, in one line.
      properties.add("--logging.level.org.springframework.boot.SpringApplication=OFF");
      properties.add("--logging.level.org.springframework.boot.diagnostics=OFF");
    }
    try {
      ServletWebServerApplicationContext context =
          (ServletWebServerApplicationContext) application.run(properties.toArray(String[]::new));
      LogFileTrouble.tell(tell);
      context.getBean(ExternalBackups.class).watch();
      SpringServer server = new SpringServer(context, settings.home());
      server.leaveNote();
      return Optional.of(server);
    } catch (RuntimeException e) {
      if (stopped.getAsBoolean()) {
        return Optional.empty();
      }
      throw StartFailure.explained(e);
    }
  }

  /** For the commands of this home folder, which cannot open its database meanwhile. */
  private void leaveNote() {
    try {
      String bundle = bundle();
      if (bundle != null) {
        context.getBean(SslBundles.class).addBundleUpdateHandler(bundle, changed -> writeNote());
      }
      writeNote();
    } catch (NoSuchSslBundleException e) {
      throw OperatorException.usage("server.ssl.bundle: " + e.getMessage(), e);
    }
  }

  private void writeNote() {
    try {
      new ServerNote(
              url(InetAddress.getLoopbackAddress()), ProcessIdentity.current(), certificate())
          .write(home);
    } catch (IOException | GeneralSecurityException e) {
      log.warn("{}: commands of this folder cannot find the server: {}", home, e.toString());
    }
  }

  private @Nullable String bundle() {
    Ssl ssl = context.getBean(ServerProperties.class).getSsl();
    return Ssl.isEnabled(ssl) ? ssl.getBundle() : null;
  }

  private Optional<String> certificate() throws GeneralSecurityException {
    String name = bundle();
    KeyStore store =
        name == null
            ? null
            : context.getBean(SslBundles.class).getBundle(name).getStores().getKeyStore();
    if (store == null) {
      return Optional.empty();
    }
    for (String alias : Collections.list(store.aliases())) {
      if (store.getCertificate(alias) instanceof X509Certificate certificate) {
        return Optional.of(ServerNote.fingerprint(certificate));
      }
    }
    return Optional.empty();
  }

  /**
   * @param everywhere in place of an address that means all of them
   */
  private String url(InetAddress everywhere) {
    ServerProperties server = context.getBean(ServerProperties.class);
    InetAddress address = server.getAddress();
    if (address == null || address.isAnyLocalAddress()) {
      address = everywhere;
    }
    String host = address.getHostAddress();
    int port = context.getWebServer() == null ? -1 : context.getWebServer().getPort();
    return (Ssl.isEnabled(server.getSsl()) ? "https://" : "http://")
        + (host.contains(":") ? "[" + host + "]" : host)
        + ":"
        + port;
  }

  @Override
  public String url() {
    InetAddress address = context.getBean(ServerProperties.class).getAddress();
    return url(address == null ? InetAddress.getLoopbackAddress() : address);
  }

  @Override
  public void close() {
    try {
      ServerNote.remove(home);
    } catch (IOException e) {
      log.warn("{}: the note of this server stays, and counts for nothing: {}", home, e + "");
    }
    context.close();
  }
}
