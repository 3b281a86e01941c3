package dev.backstep.cli;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.VmId;
import dev.backstep.job.Verification;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A verification as a server tells it. */
final class RemoteVerification {

  static final String PATH = "/api/v1/verifications";

  private RemoteVerification() {}

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  /** As {@link dev.backstep.job.VerifyDocument} writes it. */
  static Verification read(JsonNode json) {
    List<VerifiedImage> images = new ArrayList<>();
    for (JsonNode image : json.get("images")) {
      images.add(
          new VerifiedImage(
              image.get("number").asInt(),
              new DiskBackupId(image.get("id").asString()),
              new BackupId(image.get("backup_id").asString()),
              new VmId(image.get("vm_id").asString()),
              image.get("vm_name").asString(),
              image.get("disk_id").asInt(),
              new RepositoryId(image.get("repository_id").asString()),
              image.get("repository").asString(),
              RemoteRows.text(image, "base_id").map(DiskBackupId::new),
              ImageResult.valueOf(image.get("result").asString()),
              image.get("bytes_checked").asLong()));
    }
    List<FindingRow> findings = new ArrayList<>();
    for (JsonNode finding : json.get("findings")) {
      Optional<ByteRange> range =
          finding.get("offset").isNumber()
              ? Optional.of(
                  new ByteRange(finding.get("offset").asLong(), finding.get("length").asLong()))
              : Optional.empty();
      findings.add(
          new FindingRow(
              finding.get("number").asInt(),
              finding.get("kind").asString(),
              range,
              disk(finding),
              finding.get("found").asString(),
              finding.get("expected").asString()));
    }
    return new Verification(row(json), images, findings);
  }

  private static List<ByteRange> disk(JsonNode finding) {
    List<ByteRange> ranges = new ArrayList<>();
    for (JsonNode range : finding.path("disk_ranges")) {
      ranges.add(new ByteRange(range.get("offset").asLong(), range.get("length").asLong()));
    }
    return ranges;
  }

  private static VerificationRow row(JsonNode json) {
    return new VerificationRow(
        RemoteTask.row(json),
        RemoteRows.text(json, "backup_id").map(BackupId::new),
        !json.get("structure_only").asBoolean(),
        json.get("images_total").asInt(),
        json.get("images_checked").asInt(),
        json.get("images_damaged").asInt());
  }
}
