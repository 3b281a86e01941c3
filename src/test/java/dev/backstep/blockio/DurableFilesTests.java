package dev.backstep.blockio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DurableFilesTests {

  @TempDir private Path folder;

  @Test
  void makesEveryFolderThatIsMissing() throws IOException {
    Path deep = folder.resolve("a").resolve("b").resolve("c");

    DurableFiles.createFolders(deep);
    DurableFiles.createFolders(deep);

    assertThat(deep).isDirectory();
  }

  @Test
  void aFileInTheWayIsNoFolder() throws IOException {
    Files.writeString(folder.resolve("a"), "file");

    assertThatThrownBy(() -> DurableFiles.createFolders(folder.resolve("a").resolve("b")))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(folder.resolve("a")).isRegularFile();
  }

  @Test
  void writingLeavesNothingBesideTheFile() throws IOException {
    Path file = folder.resolve("file.json");

    DurableFiles.write(file, new byte[] {1});
    DurableFiles.write(file, new byte[] {2, 3});

    assertThat(file).hasBinaryContent(new byte[] {2, 3});
    assertThat(folder.toFile().list()).containsExactly("file.json");
  }
}
