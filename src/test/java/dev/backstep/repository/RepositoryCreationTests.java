package dev.backstep.repository;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RepositoryCreationTests {

  private static final int CALLERS = 6;

  @TempDir Path folder;

  /** As when many schedules of a new repository fire in one second. */
  @Test
  void thoseWhoCreateItAtTheSameTimeGetTheSameOne() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(CALLERS)) {
      for (int round = 0; round < 100; round++) {
        Path root = folder.resolve("repository-" + round);
        CyclicBarrier start = new CyclicBarrier(CALLERS);
        List<Future<Repository>> opened = new ArrayList<>();
        for (int caller = 0; caller < CALLERS; caller++) {
          Path own = root.resolve("other-" + caller);
          opened.add(
              threads.submit(() -> {
                start.await();
                return created(root, own);
              }));
        }
        for (Future<Repository> one : opened) {
          assertThat(one.get().id()).isEqualTo(opened.getFirst().get().id());
        }
      }
    }
  }

  private static Repository created(Path root, Path own) throws IOException {
    Repository repository = Repository.openOrCreate(root);
    Files.createFile(own);
    return repository;
  }
}
