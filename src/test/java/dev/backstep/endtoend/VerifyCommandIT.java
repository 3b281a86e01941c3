package dev.backstep.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What the command says of images that rot. {@code -Dverify.seed=S} sets the seed. */
class VerifyCommandIT extends RotTest {

  private static final long SEED = Long.getLong("verify.seed", System.nanoTime());

  @Test
  void damageDemotesWhatStandsOnItAndTheDiskIsCopiedWhole() throws Exception {
    JsonNode full = backUp();
    write(0, 3, 300, 1);
    JsonNode overlay = backUp();
    assertThat(program.succeed("verify", id(overlay)).output())
        .contains("4 of 4 images checked", "no damage found");
    long at = Files.size(image(full, 0)) - (3 << 16);
    flip(image(full, 0), at, 5);

    Program.Result result = program.run("verify", id(overlay));

    assertThat(result.status()).as(result.errors()).isEqualTo(1);
    assertThat(result.output())
        .contains("DAMAGED  rot disk 0", id(full), image(full, 0).toString(), "CRC-32C");
    JsonNode shown = program.succeed("show", id(overlay), "--json").json().get("disks");
    assertThat(shown.get(0).get("damaged").asBoolean()).isTrue();
    assertThat(shown.get(1).get("damaged").asBoolean()).isFalse();

    flip(image(full, 0), at, 5);
    JsonNode again = program.succeed("verify", "--all", "--json").json();
    assertThat(again.get("images_checked").asInt()).isEqualTo(4);
    assertThat(again.get("findings").size()).isZero();
    shown = program.succeed("show", id(overlay), "--json").json().get("disks");
    assertThat(shown.get(0).get("damaged").asBoolean()).as("mended").isFalse();

    flip(image(full, 0), at, 5);
    assertThat(program.run("verify", "--all").status()).isEqualTo(1);
    JsonNode next = backUp();
    assertThat(next.get("disks").get(0).get("reason").asString()).isEqualTo("BASE_FAILED_VERIFY");
    assertThat(next.get("disks").get(1).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
    program.succeed("verify", id(next));
  }

  @Test
  void missingFilesAreFindingsAndTheRestIsChecked() throws Exception {
    JsonNode full = backUp();
    Files.delete(image(full, 0));
    Files.delete(Path.of(image(full, 1).toString().replace(".qcow2", ".sums")));

    Program.Result result = program.run("verify", "--all", "--json");

    assertThat(result.status()).isEqualTo(1);
    JsonNode findings = result.json().get("findings");
    assertThat(findings.size()).isEqualTo(2);
    assertThat(findings.get(0).get("kind").asString()).isEqualTo("MISSING");
    assertThat(findings.get(0).get("found").asString()).contains("is not in the repository");
    assertThat(findings.get(1).get("kind").asString()).isEqualTo("MISSING");
    assertThat(findings.get(1).get("found").asString()).contains(".sums");
  }

  /** Nor is that of a newer release: what it has written may be as it should be. */
  @Test
  void repositoryThatIsNotThereSaysNothingOfItsImages() throws Exception {
    JsonNode full = backUp();
    Path repository = image(full, 0).getParent().getParent().getParent().getParent();
    Path head = repository.resolve("repository.json");
    String content = Files.readString(head);
    Path elsewhere = repository.resolveSibling("unmounted");

    Files.writeString(head, content.replaceFirst("\"format\"\\s*:\\s*1", "\"format\": 9"));
    Program.Result newer = program.run("verify", "--all");
    Files.writeString(head, content);
    Files.move(repository, elsewhere);
    Files.createDirectory(repository);
    Program.Result away = program.run("verify", "--all");
    Files.delete(repository);
    Files.move(elsewhere, repository);

    assertThat(newer.status()).isEqualTo(1);
    assertThat(newer.errors()).contains(head.toString(), "format 9", "use the release");
    assertThat(away.status()).isEqualTo(1);
    assertThat(away.errors()).contains(repository.toString(), "it is not a repository");
    program.succeed("verify", "--all");
    write(0, 3, 300, 1);
    assertThat(backUp().get("disks").get(0).get("reason").asString()).isEqualTo("CHANGED_EXTENTS");
  }

  @Test
  void killedVerificationIsGoneOnWith() throws Exception {
    for (int i = 0; i < 2; i++) {
      write(i, 5 + i, 0, 700);
    }
    JsonNode full = backUp();
    flip(image(full, 1), Files.size(image(full, 1)) - (3 << 16), 1);
    Path output = folder.resolve("verify.txt");
    Path errors = folder.resolve("verify.err");
    Process process = program.start(output, errors, "verify", "--all");
    while (process.isAlive() && !Files.readString(output).contains("\n")) {
      Thread.sleep(5);
    }
    Thread.sleep(new Random(SEED).nextInt(400));
    process.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
    String id = Files.readString(output).lines().findFirst().orElseThrow();

    JsonNode shown = program.succeed("show", id, "--json").json();
    if (shown.get("status").asString().equals("COMPLETED")) {
      return; // it was faster; another seed kills it half way
    }
    assertThat(shown.get("status").asString()).isEqualTo("FAILED");
    Program.Result relaunched = program.run("relaunch", id, "--json");

    assertThat(relaunched.status()).as(relaunched.errors()).isEqualTo(1);
    assertThat(relaunched.json().get("status").asString())
        .as(relaunched.output() + relaunched.errors())
        .isEqualTo("COMPLETED");
    assertThat(relaunched.json().get("images_checked").asInt()).isEqualTo(2);
    assertThat(relaunched.json().get("findings").size()).isEqualTo(1);
    assertThat(relaunched.json().get("bytes_done").asLong()).isGreaterThan(1400L << 20);
    assertThat(program.run("relaunch", id).status()).as("once more").isEqualTo(1);
  }

  @Test
  void unknownIdsAndContradictionsAreRefused() throws Exception {
    assertThat(program.run("verify").status()).isEqualTo(2);
    assertThat(program.run("verify", "backup-rot", "--all").status()).isEqualTo(2);
    assertThat(program.run("verify", "backup-rot").status()).isEqualTo(4);
    assertThat(program.run("relaunch", "verify-nothing").status()).isEqualTo(4);
    assertThat(program.run("stop", "verify-nothing").status()).isEqualTo(4);
  }
}
