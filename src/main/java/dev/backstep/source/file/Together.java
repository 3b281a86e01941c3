package dev.backstep.source.file;

import dev.backstep.source.SourceException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** The same for several disks at once: most of it is waiting for short commands. */
final class Together {

  /** Enough for the processors of a small host, few enough not to starve its guests. */
  private static final int AT_ONCE_MAX = 8;

  private Together() {}

  /** What is done for one of them. */
  interface Work<T, R extends @Nullable Object> {
    R of(T one) throws SourceException;
  }

  /**
   * Does the work for all of them, and returns when the last is done, whether or not one fails.
   *
   * @return what came of each, in their order
   * @throws SourceException of the first of them that failed; those of others are suppressed in it
   */
  static <T, R extends @Nullable Object> List<R> each(Collection<T> all, Work<T, R> work)
      throws SourceException {
    List<CompletableFuture<R>> futures = new ArrayList<>();
    try (ExecutorService threads =
        Executors.newFixedThreadPool(
            Math.clamp(all.size(), 1, AT_ONCE_MAX), Thread.ofVirtual().factory())) {
      for (T one : all) {
        futures.add(CompletableFuture.supplyAsync(() -> done(work, one), threads));
      }
      return results(futures);
    }
  }

  private static <T, R extends @Nullable Object> R done(Work<T, R> work, T one) {
    try {
      return work.of(one);
    } catch (SourceException e) {
      throw new CompletionException(e);
    }
  }

  private static <R extends @Nullable Object> List<R> results(List<CompletableFuture<R>> futures)
      throws SourceException {
    List<R> results = new ArrayList<>();
    Throwable first = null;
    for (CompletableFuture<R> future : futures) {
      try {
        results.add(future.join());
      } catch (CompletionException e) {
        Throwable cause = e.getCause();
        if (first == null) {
          first = cause;
        } else {
          first.addSuppressed(cause);
        }
      }
    }
    switch (first) {
      case null -> {
        return results;
      }
      case SourceException e -> throw e;
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IllegalStateException(first);
    }
  }
}
