package dev.backstep.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.domain.ChecksumKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
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

  /** Releases that do not know such checksums would call their images damaged. */
  @Test
  void imagesOfANewKindShutOlderReleasesOut() throws Exception {
    Repository repository = Repository.openOrCreate(folder.resolve("repository"));
    repository.admit(ChecksumKind.CRC32C);
    assertThat(Repository.open(repository.root()).format()).isEqualTo(1);

    for (int i = 0; i < 2; i++) {
      repository.admit(ChecksumKind.SHA_256);

      Repository now = Repository.open(repository.root());
      assertThat(now.format()).isEqualTo(2);
      assertThat(now.id()).isEqualTo(repository.id());
    }
    try (Stream<Path> files = Files.list(repository.root())) {
      assertThat(files).containsExactly(repository.root().resolve("repository.json"));
    }
  }

  @Test
  void repositoryOfALaterFormatIsRefused() throws Exception {
    Repository repository = Repository.openOrCreate(folder.resolve("repository"));
    Path head = repository.root().resolve("repository.json");
    Files.writeString(head, Files.readString(head).replaceFirst("1", "3"));

    assertThatThrownBy(() -> Repository.open(repository.root()))
        .isInstanceOf(RepositoryException.class)
        .hasMessageContaining("format 3, this release knows 2; use the release that wrote it");
  }

  private static Repository created(Path root, Path own) throws IOException {
    Repository repository = Repository.openOrCreate(root);
    Files.createFile(own);
    return repository;
  }

  /** Another disk may be mounted in its place by the time that the first such image comes. */
  @Test
  void formatOfAnotherRepositoryInItsPlaceIsNotRaised() throws Exception {
    Repository repository = Repository.openOrCreate(folder.resolve("repository"));
    Path head = repository.root().resolve("repository.json");
    Files.delete(head);
    Repository other = Repository.openOrCreate(repository.root());
    byte[] before = Files.readAllBytes(head);

    assertThatThrownBy(() -> repository.admit(ChecksumKind.SHA_256))
        .hasMessageContaining("is repository " + other.id());

    assertThat(head).hasBinaryContent(before);
  }
}
