package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ops/backstep} as users start it: from anywhere, by a link, on a machine with oddities. */
class LauncherIT {

  private static final Path LAUNCHER = Path.of("ops/backstep").toAbsolutePath();

  @TempDir private Path folder;

  private record Result(int status, String out, String err) {}

  @Test
  void helpIsOnStandardOutputFromAnyFolder() throws Exception {
    Result result = run(Map.of(), LAUNCHER.toString(), "--help");

    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("backup", "restore", "relaunch", "doctor");
  }

  @Test
  void worksThroughALinkInAFolderWithSpaces() throws Exception {
    Path elsewhere = Files.createDirectory(folder.resolve("my tools"));
    Path link = Files.createSymbolicLink(elsewhere.resolve("bs"), LAUNCHER);

    Result result = run(Map.of(), link.toString(), "--version");

    assertThat(result.status()).isZero();
    assertThat(result.out()).startsWith("backstep ");
  }

  @Test
  void passesArgumentsWithSpacesAndNothingElse() throws Exception {
    Result result = run(Map.of(), LAUNCHER.toString(), "no such verb");

    assertThat(result.status()).isEqualTo(2);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).contains("no such verb");
  }

  @Test
  void anOldJavaHomeIsPassedOver() throws Exception {
    Path old = Files.createDirectories(folder.resolve("jdk-17/bin")).getParent();
    for (String tool : List.of("java", "javac")) {
      Path file = Files.writeString(old.resolve("bin").resolve(tool), "#!/bin/sh\nexit 99\n");
      assertThat(file.toFile().setExecutable(true)).isTrue();
    }
    Files.writeString(old.resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");

    Result result =
        run(
            Map.of("JAVA_HOME", old.toString(), "JAVA25_HOME", System.getProperty("java.home")),
            LAUNCHER.toString(),
            "--version");

    assertThat(result.status()).as(result.err()).isZero();
  }

  @Test
  void startsWithItsCacheAndWithoutWarnings() throws Exception {
    run(Map.of(), LAUNCHER.toString(), "--version");

    Result result = run(Map.of(), LAUNCHER.toString(), "--version");

    assertThat(result.err()).isEmpty();
    assertThat(LAUNCHER.resolveSibling("../target/app/backstep.aot").normalize()).exists();
  }

  private Result run(Map<String, String> environment, String... command) throws Exception {
    Path out = Files.createTempFile(folder, "out", "");
    Path err = Files.createTempFile(folder, "err", "");
    ProcessBuilder builder =
        new ProcessBuilder(new ArrayList<>(List.of(command)))
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().putIfAbsent("JAVA25_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    int status = process.waitFor();
    return new Result(status, read(out), read(err));
  }

  private static String read(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.UTF_8);
  }
}
