package dev.backstep.job;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import java.util.List;

/** A verification with its images, in the order of checking, and what was found. */
public record Verification(
    VerificationRow row, List<VerifiedImage> images, List<FindingRow> findings) {

  public Verification {
    images = List.copyOf(images);
    findings = List.copyOf(findings);
  }

  /** The image that a finding is about. */
  public VerifiedImage image(FindingRow finding) {
    return images.stream()
        .filter(image -> image.number() == finding.imageNumber())
        .findFirst()
        .orElseThrow();
  }
}
