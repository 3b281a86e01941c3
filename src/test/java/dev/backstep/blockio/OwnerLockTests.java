package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnerLockTests {

  @TempDir private Path folder;

  private Optional<OwnerLock> take(String owner) throws IOException {
    return OwnerLock.take(folder.resolve("lock"), owner, "somebody of " + owner);
  }

  @Test
  void allOfOneOwnerShareIt() throws IOException {
    try (OwnerLock first = take("a").orElseThrow();
        OwnerLock second = take("a").orElseThrow()) {
      assertThat(first).isNotSameAs(second);
      assertThat(take("b")).isEmpty();
      assertThat(OwnerLock.holder(folder.resolve("lock"))).isEqualTo("somebody of a");
    }
  }

  @Test
  void itIsAnotherOwnersOnlyWhenTheLastOneIsGone() throws IOException {
    OwnerLock first = take("a").orElseThrow();
    OwnerLock second = take("a").orElseThrow();
    first.close();
    assertThat(take("b")).isEmpty();

    second.close();

    try (OwnerLock third = take("b").orElseThrow()) {
      assertThat(take("a")).isEmpty();
      assertThat(OwnerLock.holder(folder.resolve("lock"))).isEqualTo("somebody of b");
      assertThat(third).isNotNull();
    }
  }

  @Test
  void textThatIsNobodysIsWrittenAnew() throws IOException {
    Files.write(folder.resolve("lock"), new byte[] {0, -1, 'a'});

    try (OwnerLock lock = take("a").orElseThrow()) {
      assertThat(lock).isNotNull();
      assertThat(Files.readString(folder.resolve("lock"))).isEqualTo("a\nsomebody of a\n");
    }
  }
}
