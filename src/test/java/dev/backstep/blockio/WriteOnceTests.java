package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteOnceTests {

  @TempDir Path folder;

  @Test
  void manyAtOnceAllFindTheFileOfOneOfThem() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
      for (int round = 0; round < 50; round++) {
        Path file = folder.resolve("head-" + round);
        CountDownLatch start = new CountDownLatch(1);
        List<Future<String>> seen = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
          byte[] content = ("content of " + i).getBytes();
          Callable<String> one =
              () -> {
                start.await();
                DurableFiles.writeOnce(file, content);
                return Files.readString(file);
              };
          seen.add(threads.submit(one));
        }
        start.countDown();
        String first = seen.getFirst().get();
        for (Future<String> content : seen) {
          assertThat(content.get()).startsWith("content of ").isEqualTo(first);
        }
      }
    }
    try (var files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .allMatch(name -> name.startsWith("head-") && !name.endsWith(".partial"))
          .hasSize(50);
    }
  }

  @Test
  void leavesAFileThatIsThereAsItIs() throws Exception {
    Path file = Files.writeString(folder.resolve("head"), "old");

    DurableFiles.writeOnce(file, "new".getBytes());

    assertThat(file).hasContent("old");
  }
}
