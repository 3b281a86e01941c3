package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A login. One that the server has forgotten is repeated, once a call; what only asks is asked
 * again after a broken connection. Thread-safe.
 */
final class VimSession implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(VimSession.class);

  private static final Moref INSTANCE = new Moref("ServiceInstance", "ServiceInstance");
  private static final int TRIES = 4;
  private static final long PAUSE_MILLIS = 500;

  private final SoapCarrier connection;
  private final VsphereSettings settings;
  private final XmlNode content;
  private final ReentrantLock login = new ReentrantLock();
  private volatile String key = "";

  /** How often this has logged in; written under the lock. */
  private volatile int logins;

  private VimSession(SoapCarrier connection, VsphereSettings settings, XmlNode content) {
    this.connection = connection;
    this.settings = settings;
    this.content = content;
  }

  /**
   * Connects and logs in.
   *
   * @throws SourceException of kind {@code UNREACHABLE} when that fails
   */
  static VimSession open(VsphereSettings settings) throws SourceException {
    return open(settings, new SoapConnection(settings));
  }

  /** As {@link #open(VsphereSettings)}; closes the carrier with the session. */
  static VimSession open(VsphereSettings settings, SoapCarrier connection) throws SourceException {
    try {
      XmlNode content =
          retrying(
              () -> SoapBody.of("RetrieveServiceContent", INSTANCE),
              "RetrieveServiceContent",
              connection);
      VimSession session = new VimSession(connection, settings, content);
      session.logIn(0);
      return session;
    } catch (SourceException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  /** One of the services that the server told of, such as {@code propertyCollector}. */
  Moref service(String name) {
    return content
        .child("returnval")
        .flatMap(all -> all.child(name))
        .map(XmlNode::ref)
        .orElseThrow(
            () -> new IllegalStateException(settings.address() + " tells of no service " + name));
  }

  Moref instance() {
    return INSTANCE;
  }

  String fullName() {
    return content
        .child("returnval")
        .flatMap(all -> all.child("about"))
        .flatMap(about -> about.text("fullName"))
        .orElse("a server that does not say what it is");
  }

  String thumbprint() {
    return connection.thumbprint();
  }

  /** What the server calls this session. */
  String key() {
    return key;
  }

  /** Calls a method that changes nothing. */
  XmlNode ask(String method, Supplier<SoapBody> body) throws IOException {
    return inSession(() -> askOnce(method, body));
  }

  /** As {@link #ask}, for what is done {@link #inSession}: one that has expired is told. */
  XmlNode askOnce(String method, Supplier<SoapBody> body) throws SourceException {
    return retrying(body, method, connection);
  }

  /** Calls a method that must not be called twice: after a broken connection it fails. */
  XmlNode order(String method, Supplier<SoapBody> body) throws IOException {
    return inSession(() -> connection.call(method, body.get()));
  }

  /** What is done in one session from its beginning to its end. */
  interface Work<T> {
    T done() throws IOException;
  }

  /**
   * Does something. A fault that says that nobody is logged in says that nothing was done, too: all
   * of it is done again then in a new session, once, for what a session has, such as views and
   * places in a list, goes with it.
   */
  <T> T inSession(Work<T> work) throws IOException {
    int before = logins;
    try {
      return work.done();
    } catch (VsphereFault e) {
      if (!e.is("NotAuthenticated")) {
        throw e;
      }
      log.info("{}: the session has expired; logging in again", settings.address());
      logIn(before);
      return work.done();
    }
  }

  private static XmlNode retrying(Supplier<SoapBody> body, String method, SoapCarrier connection)
      throws SourceException {
    for (int tries = 1; ; tries++) {
      try {
        return connection.call(method, body.get());
      } catch (SourceException e) {
        boolean broken =
            e.kind() == SourceException.Kind.UNREACHABLE
                && !(e instanceof VsphereFault)
                && !(e.getCause() instanceof javax.net.ssl.SSLException);
        if (!broken || tries == TRIES) {
          throw e;
        }
        log.info("{}; asking again", e.getMessage());
        Pauses.pause(PAUSE_MILLIS << tries);
      }
    }
  }

  /**
   * @param before how often this had logged in when the session was used that is of no use any
   *     more; when another thread has replaced it since, nothing is done
   */
  private void logIn(int before) throws SourceException {
    login.lock();
    try {
      if (logins != before) {
        return;
      }
      String password = settings.password();
      XmlNode answer =
          retrying(
              () ->
                  SoapBody.of("Login", service("sessionManager"))
                      .text("userName", settings.user())
                      .text("password", password),
              "Login",
              connection);
      key = answer.child("returnval").flatMap(session -> session.text("key")).orElse("");
      logins = before + 1;
    } finally {
      login.unlock();
    }
  }

  /** Logs out: a server has room for so many sessions only. */
  @Override
  public void close() {
    try {
      if (logins > 0) {
        connection.call("Logout", SoapBody.of("Logout", service("sessionManager")));
      }
    } catch (SourceException e) {
      log.debug("{}: no logout: {}", settings.address(), e.getMessage());
    } finally {
      connection.close();
    }
  }
}
