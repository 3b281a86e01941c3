package dev.backstep.backup;

import dev.backstep.source.SourceException;
import dev.backstep.source.ToolRunner;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;

/**
 * The QEMU guest agent of a booted restore point, asked over the two pipes that stand for its
 * serial port: {@code <base>.in} leads to the guest, {@code <base>.out} from it.
 */
final class GuestAgent {

  private static final Duration MAKE_MAX = Duration.ofSeconds(10);
  private static final byte[] PING =
      "{\"execute\":\"guest-ping\"}\n".getBytes(StandardCharsets.US_ASCII);

  private final Path base;
  private volatile boolean answered;

  private GuestAgent(Path base) {
    this.base = base;
  }

  /** Makes the pipes, in a folder that is removed with all that is in it. */
  static GuestAgent make(Path base) throws SourceException {
    GuestAgent agent = new GuestAgent(base);
    ToolRunner.Result made =
        ToolRunner.run(
            MAKE_MAX, List.of("mkfifo", "-m", "600", agent.pipe("in"), agent.pipe("out")));
    if (made.failed()) {
      throw new SourceException(SourceException.Kind.FAILED, "mkfifo: " + made.errors());
    }
    return agent;
  }

  private String pipe(String direction) {
    return base + "." + direction;
  }

  /** Begins to listen, once QEMU has opened its ends: opening this one waits for that. */
  void listen() {
    Thread.ofPlatform().daemon().name("guest-agent").start(this::read);
  }

  private void read() {
    try (BufferedReader lines =
        Files.newBufferedReader(Path.of(pipe("out")), StandardCharsets.ISO_8859_1)) {
      String line = lines.readLine();
      while (line != null) {
        answered |= line.contains("\"return\"");
        line = lines.readLine();
      }
    } catch (IOException e) {
      // The machine has ended, and whoever watches it knows.
    }
  }

  /** Asks; what is asked before the agent runs waits in the pipe for it. */
  void ping() throws IOException {
    try (SeekableByteChannel in = open("in")) {
      in.write(ByteBuffer.wrap(PING));
    }
  }

  /** Opened for both ways, a pipe (fifo(7)) is open at once, whoever else has it open or not. */
  private SeekableByteChannel open(String direction) throws IOException {
    return Files.newByteChannel(
        Path.of(pipe(direction)), StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Lets go whoever still waits for the machine to open its end. */
  void end() throws IOException {
    open("out").close();
  }

  boolean answered() {
    return answered;
  }
}
