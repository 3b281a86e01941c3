package dev.backstep.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.VerifyRounds.Candidate;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VerifyDefinition;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which images a round verifies. */
class VerifyChoiceTests {

  private static final Instant NOW = Instant.parse("2026-11-20T06:00:00Z");
  private static final Instant NEXT = NOW.plus(Duration.ofDays(1));

  private static VerifyDefinition policy(int newHours, int allDays, int share) {
    return new VerifyDefinition(
        "0 0 6 * * ?",
        ZoneOffset.UTC,
        Duration.ofHours(newHours),
        Duration.ofDays(allDays),
        share == 0 ? OptionalInt.empty() : OptionalInt.of(share));
  }

  private static Candidate image(String id, long bytes, int writtenDays, int provenDays) {
    return new Candidate(
        new DiskBackupId(id),
        bytes,
        NOW.minus(Duration.ofDays(writtenDays)),
        provenDays < 0 ? Optional.empty() : Optional.of(NOW.minus(Duration.ofDays(provenDays))));
  }

  private static List<String> chosen(VerifyDefinition policy, Candidate... all) {
    return new VerifyChoice(List.of(all), policy, NOW, NEXT)
        .images().stream().map(DiskBackupId::value).toList();
  }

  @Test
  void newImagesThatCannotWaitAreAllVerified() {
    assertThat(
            chosen(
                policy(24, 10_000, 0),
                image("huge", 1L << 40, 3, -1),
                image("just", 1 << 20, 0, -1)))
        .containsExactly("huge", "just");
    assertThat(chosen(policy(72, 10_000, 0), image("old", 9, 2, -1), image("just", 9, 0, -1)))
        .as("the next round is soon enough for the other")
        .containsExactly("old");
  }

  @Test
  void oldestProofsComeFirstAndTheShareIsKept() {
    Candidate[] all = {
      image("a", 100, 30, 3), image("b", 100, 30, 9), image("c", 100, 30, 1), image("d", 100, 30, 7)
    };

    assertThat(chosen(policy(24, 30, 25), all)).containsExactly("b");
    assertThat(chosen(policy(24, 30, 50), all)).containsExactly("b", "d");
    assertThat(chosen(policy(24, 4, 0), all)).as("a day of four").containsExactly("b");
    assertThat(chosen(policy(24, 1, 0), all))
        .as("in their order")
        .containsExactly("a", "b", "c", "d");
  }

  @Test
  void ageIsThatOfTheOldestProofOrOfWhatWasNeverProven() {
    assertThat(
            new VerifyChoice(
                    List.of(image("a", 1, 30, 3), image("b", 1, 8, -1)), policy(1, 1, 0), NOW, NEXT)
                .oldest())
        .contains(NOW.minus(Duration.ofDays(8)));
    assertThat(new VerifyChoice(List.of(), policy(1, 1, 0), NOW, NEXT).oldest()).isEmpty();
  }

  @Test
  void nightAfterNightEverythingIsVerifiedAgainInTime() {
    Random random = new Random(3);
    int days = 10;
    Map<String, Instant> proven = new HashMap<>();
    Map<String, Long> sizes = new HashMap<>();
    long total = 0;
    for (int i = 0; i < 200; i++) {
      sizes.put("i" + i, 1L + random.nextInt(1000));
      proven.put("i" + i, NOW);
      total += sizes.get("i" + i);
    }
    Set<String> left = new HashSet<>(sizes.keySet());
    for (int day = 1; day <= days; day++) {
      Instant now = NOW.plus(Duration.ofDays(day));
      List<Candidate> all = new ArrayList<>();
      sizes.forEach((id, size) ->
          all.add(new Candidate(new DiskBackupId(id), size, NOW, Optional.of(proven.get(id)))));
      List<DiskBackupId> images =
          new VerifyChoice(all, policy(24, days, 0), now, now.plus(Duration.ofDays(1))).images();
      long bytes = images.stream().mapToLong(image -> sizes.get(image.value())).sum();
      assertThat(bytes).as("a bounded share").isLessThan(total / days + 1001);
      images.forEach(image -> {
        proven.put(image.value(), now);
        left.remove(image.value());
      });
    }

    assertThat(left).isEmpty();
  }
}
