package dev.backstep.blockio;

import java.io.IOException;
import java.nio.file.CopyOption;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Tells a test of each file before it gets its final name, in the thread that gives it. */
public final class WatchedRenames extends FileCalls implements AutoCloseable {

  private final Consumer<Path> watch;

  private WatchedRenames(Consumer<Path> watch) {
    this.watch = watch;
  }

  /** From now on until it is closed. */
  public static WatchedRenames begin(Consumer<Path> watch) {
    WatchedRenames files = new WatchedRenames(watch);
    FileCalls.use(files);
    return files;
  }

  @Override
  void rename(Path from, Path to, CopyOption... options) throws IOException {
    watch.accept(to);
    super.rename(from, to, options);
  }

  @Override
  public void close() {
    FileCalls.use(new FileCalls());
  }
}
