package dev.backstep;

import dev.backstep.cli.Server;
import dev.backstep.job.ExternalBackups;
import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;

/** The server that is a Spring context in this process. */
final class SpringServer implements Server {

  private final ServletWebServerApplicationContext context;
  private final String url;

  private SpringServer(ServletWebServerApplicationContext context, String url) {
    this.context = context;
    this.url = url;
  }

  /** See {@link Server.Starter}. */
  static Server start(Settings settings) {
    SpringEngine.makeFolder(settings.home());
    SpringApplication application = new SpringApplication(BackstepApplication.class);
    application.addPrimarySources(List.of(JobsConfiguration.class, ServerConfiguration.class));
    application.setWebApplicationType(WebApplicationType.SERVLET);
    application.setAdditionalProfiles("serve");
    application.setLogStartupInfo(false);
    // The program stops the command first, then closes the context.
    application.setRegisterShutdownHook(false);
    List<String> properties = new ArrayList<>();
    properties.add("--backstep.home=" + settings.home());
    properties.add("--backstep.jobs=" + settings.jobs());
    properties.add("--server.address=" + settings.bind());
    settings.port().ifPresent(port -> properties.add("--server.port=" + port));
    properties.add(
        "--spring.config.additional-location=optional:file:"
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
      context.getBean(ExternalBackups.class).watch();
      return new SpringServer(context, url(context, settings.bind()));
    } catch (RuntimeException e) {
      throw SpringEngine.explained(e);
    }
  }

  private static String url(ServletWebServerApplicationContext context, String bind) {
    boolean tls = context.getEnvironment().getProperty("server.ssl.bundle") != null;
    String host = bind.contains(":") ? "[" + bind + "]" : bind;
    int port = context.getWebServer() == null ? -1 : context.getWebServer().getPort();
    return (tls ? "https://" : "http://") + host + ":" + port;
  }

  @Override
  public String url() {
    return url;
  }

  @Override
  public void close() {
    context.close();
  }
}
