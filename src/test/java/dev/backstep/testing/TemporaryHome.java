package dev.backstep.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.boot.SpringApplication;

/** The home folder of contexts that live as long as the tests' process. */
public final class TemporaryHome {

  private TemporaryHome() {}

  /** Makes one, which goes when all contexts are closed. */
  public static Path make() {
    try {
      Path home = Files.createTempDirectory("backstep-test");
      SpringApplication.getShutdownHandlers().add(() -> remove(home));
      return home;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void remove(Path home) {
    try (Stream<Path> files = Files.walk(home)) {
      List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : all) {
        Files.delete(file);
      }
    } catch (IOException e) {
      System.err.println("cannot remove " + home + ": " + e);
    }
  }
}
