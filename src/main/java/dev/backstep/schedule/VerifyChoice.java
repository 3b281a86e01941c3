package dev.backstep.schedule;

import dev.backstep.catalog.VerifyRounds.Candidate;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VerifyDefinition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which images a round verifies: each that was never verified and could not wait for the next
 * round, and of the others, those first whose proof is oldest, as much as the round's share allows.
 */
final class VerifyChoice {

  private final List<Candidate> all;
  private final VerifyDefinition policy;
  private final Instant now;
  private final Instant next;

  /**
   * @param all a backing image before those on it
   * @param next when the round after this one is due
   */
  VerifyChoice(List<Candidate> all, VerifyDefinition policy, Instant now, Instant next) {
    this.all = all;
    this.policy = policy;
    this.now = now;
    this.next = next;
  }

  /** Ids in the order of checking. */
  List<DiskBackupId> images() {
    Set<DiskBackupId> chosen = new HashSet<>();
    List<Candidate> again = new ArrayList<>();
    for (Candidate image : all) {
      if (image.provenAt().isPresent()) {
        again.add(image);
      } else if (!image.completedAt().plus(policy.newWithin()).isAfter(next)) {
        chosen.add(image.image());
      }
    }
    again.sort(Comparator.comparing(image -> image.provenAt().orElseThrow()));
    long left = share();
    for (Candidate image : again) {
      if (left <= 0) {
        break;
      }
      chosen.add(image.image());
      left -= image.bytesStored();
    }
    return all.stream().map(Candidate::image).filter(chosen::contains).toList();
  }

  /** In bytes; an image that is begun on is done, so a round may take one image more than this. */
  private long share() {
    double total = all.stream().mapToDouble(Candidate::bytesStored).sum();
    double part =
        policy.share().isPresent()
            ? policy.share().getAsInt() / 100.0
            : (double) Duration.between(now, next).toMillis() / policy.allWithin().toMillis();
    return (long) Math.ceil(total * Math.min(1, part));
  }

  /** When the image was proven, or written, of which that is longest ago. */
  Optional<Instant> oldest() {
    return all.stream()
        .map(image -> image.provenAt().orElse(image.completedAt()))
        .min(Comparator.naturalOrder());
  }
}
