package dev.backstep.api;

import java.net.InetAddress;
import org.springframework.boot.web.server.ConfigurableWebServerFactory;
import org.springframework.boot.web.server.Ssl;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.server.autoconfigure.ServerProperties;
import org.springframework.stereotype.Component;

/**
 * Lets nobody read tokens off the wire: beyond loopback the server answers over TLS or not at all.
 */
@Component
class LoopbackGuard implements WebServerFactoryCustomizer<ConfigurableWebServerFactory> {

  private final ServerProperties server;

  LoopbackGuard(ServerProperties server) {
    this.server = server;
  }

  /**
   * @throws IllegalArgumentException when others could connect, and without TLS
   */
  @Override
  public void customize(ConfigurableWebServerFactory factory) {
    InetAddress address = server.getAddress();
    if (!Ssl.isEnabled(server.getSsl()) && (address == null || !address.isLoopbackAddress())) {
      throw new IllegalArgumentException(
          "server.address "
              + (address == null ? "is every address" : "is " + address.getHostAddress())
              + ", which others can reach, and there is no TLS; set server.ssl.bundle in"
              + " backstep.yaml of the home folder (docs/operations.md shows how), or serve on"
              + " 127.0.0.1");
    }
  }
}
