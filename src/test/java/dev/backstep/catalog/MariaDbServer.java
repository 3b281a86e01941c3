package dev.backstep.catalog;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.SpringApplication;

/**
 * A real MariaDB server of Debian's, one for all tests of a JVM, on a data folder of its own that
 * goes with it. Killed with the JVM.
 */
public final class MariaDbServer {

  private static final String PACKAGE = "mariadb-server-core";
  private static final Path SQL_FOLDER = Path.of("/usr/share/mysql");
  private static final String USER = "--user=" + System.getProperty("user.name");

  /** Its own, for a server that starts deletes temporary tables of any other in the same folder. */
  private static final String TMP = "tmp";

  private static final Duration START_MAX = Duration.ofSeconds(60);
  private static @Nullable MariaDbServer shared;

  private final AtomicInteger databases = new AtomicInteger();
  private final int port;
  private final Path folder;
  private final Path daemon;
  private final Path log;
  private volatile Process server;

  /** The server, started by the first call. */
  public static synchronized MariaDbServer shared() {
    MariaDbServer running = shared;
    if (running == null) {
      try {
        running = startAt(freePort());
      } catch (IOException e) {
        throw new UncheckedIOException("cannot start MariaDB", e);
      }
      shared = running;
    }
    return running;
  }

  /** Makes an empty database and returns the environment that names it to Backstep. */
  public Map<String, String> newDatabase() {
    String name = "backstep" + databases.incrementAndGet();
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute("create database " + name);
    } catch (SQLException e) {
      throw new IllegalStateException("cannot create database " + name, e);
    }
    return Map.of(
        "BACKSTEP_DB_URL", "jdbc:mariadb://127.0.0.1:" + port + "/" + name,
        "BACKSTEP_DB_USER", "root",
        "BACKSTEP_DB_PASSWORD", "");
  }

  /** Another one, on a port of one's own choice. */
  public static MariaDbServer startAt(int port) throws IOException {
    return new MariaDbServer(port, Files.createTempDirectory("backstep-mariadb"));
  }

  /** Another one, with its data in this empty folder. */
  public static MariaDbServer startOn(Path folder) throws IOException {
    return new MariaDbServer(freePort(), folder);
  }

  /** A port of this host that nobody listens on now. */
  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      return socket.getLocalPort();
    }
  }

  /** Runs the statements of a file as the administrator does with the server's own client. */
  public void run(String statements) throws SQLException {
    String plain = statements.replaceAll("(?m)^--.*$", "");
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      for (String one : plain.split(";")) {
        if (!one.isBlank()) {
          statement.execute(one);
        }
      }
    }
  }

  /**
   * Whether a transaction waits for a lock that another one holds.
   *
   * @param database the environment that names it
   */
  public boolean waitsForLock(Map<String, String> database) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.get("BACKSTEP_DB_URL"), "root", "");
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select count(*) from information_schema.innodb_trx t join"
                    + " information_schema.processlist p on p.id = t.trx_mysql_thread_id"
                    + " where t.trx_state = 'LOCK WAIT' and p.db = database()")) {
      row.next();
      return row.getInt(1) > 0;
    }
  }

  /**
   * Whether a transaction holds the lock of a backup's row.
   *
   * @param database the environment that names it
   */
  public boolean isLocked(Map<String, String> database, String backup) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.get("BACKSTEP_DB_URL"), "root", "");
        PreparedStatement statement =
            connection.prepareStatement(
                "select id from backups where id = ? for update skip locked")) {
      statement.setString(1, backup);
      try (ResultSet row = statement.executeQuery()) {
        return !row.next();
      }
    }
  }

  public int port() {
    return port;
  }

  private MariaDbServer(int port, Path folder) throws IOException {
    this.port = port;
    this.folder = folder;
    daemon = tool("mariadbd");
    log = folder.resolve("log");
    for (String own : List.of("data", TMP)) {
      Files.createDirectory(folder.resolve(own));
    }
    bootstrap(log, daemon, USER, folder);
    server = startDaemon();
    // After the contexts, which would wait long for a database that is gone.
    SpringApplication.getShutdownHandlers().add(this::end);
    awaitReady(log);
  }

  private Process startDaemon() throws IOException {
    return startOwned(
        log,
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        daemon.toString(),
        "--no-defaults",
        USER,
        "--datadir=" + folder.resolve("data"),
        "--tmpdir=" + folder.resolve(TMP),
        "--socket=" + folder.resolve("socket"),
        "--bind-address=127.0.0.1",
        "--port=" + port,
        "--innodb-buffer-pool-size=64M");
  }

  /** Ends it as a power failure does. */
  public void kill() {
    server.destroyForcibly().onExit().join();
  }

  /** Starts it again on its data, and waits until it answers. */
  public void startAgain() throws IOException {
    server = startDaemon();
    awaitReady(log);
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection("jdbc:mariadb://127.0.0.1:" + port + "/", "root", "");
  }

  private void awaitReady(Path log) throws IOException {
    long end = System.nanoTime() + START_MAX.toNanos();
    while (true) {
      try (Connection connection = connect()) {
        if (connection.isValid(1)) {
          return;
        }
      } catch (SQLException e) {
        if (!server.isAlive() || System.nanoTime() > end) {
          throw new IOException("mariadbd did not start:\n" + Files.readString(log), e);
        }
      }
      pause();
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while MariaDB starts", e);
    }
  }

  private void end() {
    server.destroyForcibly().onExit().join();
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      System.err.println("cannot remove " + folder + ": " + e);
    }
  }

  private static Path tool(String name) {
    List<String> folders = new ArrayList<>(List.of(System.getenv("PATH").split(":", -1)));
    folders.addAll(List.of("/usr/sbin", "/usr/local/sbin"));
    return folders.stream()
        .map(folder -> Path.of(folder, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(
            () -> new AssertionError(name + " is missing: install Debian's package " + PACKAGE));
  }

  /**
   * Makes the system tables as mariadb-install-db does, which itself needs tools of further
   * packages.
   */
  private static void bootstrap(Path log, Path daemon, String user, Path folder)
      throws IOException {
    Path sql = log.resolveSibling("bootstrap.sql");
    Files.writeString(
        sql,
        """
        create database mysql;
        use mysql;
        set @auth_root_socket=null;
        set @current_hostname='localhost';
        set @skip_auth_anonymous=1;
        """);
    for (String name : List.of("mysql_system_tables", "mysql_system_tables_data")) {
      byte[] part = Files.readAllBytes(SQL_FOLDER.resolve(name + ".sql"));
      Files.write(sql, part, StandardOpenOption.APPEND);
    }
    Process process =
        new ProcessBuilder(
                daemon.toString(),
                "--no-defaults",
                "--bootstrap",
                user,
                "--datadir=" + folder.resolve("data"),
                "--tmpdir=" + folder.resolve(TMP))
            .redirectInput(sql.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    int exit = process.onExit().join().exitValue();
    if (exit != 0) {
      throw new IOException("bootstrap ended with " + exit + ":\n" + Files.readString(log));
    }
  }

  /**
   * Starts it from a thread that lives as long as the JVM does: the parent-death signal, which ends
   * the server also after a kill -9 of the JVM, goes by the parent's thread.
   */
  private static Process startOwned(Path log, String... command) throws IOException {
    CompletableFuture<Process> started = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("mariadb-parent")
        .start(() -> {
          try {
            Process process = start(log, command);
            started.complete(process);
            process.onExit().join();
          } catch (IOException e) {
            started.completeExceptionally(e);
          }
        });
    try {
      return started.join();
    } catch (CompletionException e) {
      throw new IOException("mariadbd cannot be started", e.getCause());
    }
  }

  private static Process start(Path log, String... command) throws IOException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }
}
