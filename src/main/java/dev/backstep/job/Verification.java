package dev.backstep.job;

import dev.backstep.catalog.ImageFinding;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import java.util.List;

/** A verification with its images, in the order of checking, and what was found. */
public record Verification(
    VerificationRow row, List<VerifiedImage> images, List<ImageFinding> findings) {

  public Verification {
    images = List.copyOf(images);
    findings = List.copyOf(findings);
  }
}
