package dev.backstep.cli;

import static java.util.Objects.requireNonNull;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.ImageFinding;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A verification as a server tells it. */
final class RemoteVerification {

  static final String PATH = "/api/v1/verifications";

  private static final int MAX = Integer.MAX_VALUE;

  private RemoteVerification() {}

  /** As {@link dev.backstep.job.VerifyDocument} writes it, of as many pages as that takes. */
  static Optional<Verification> find(RemoteClient client, String id) {
    String path = PATH + "/" + RemoteClient.encoded(id);
    return client
        .find(path)
        .map(json -> {
          Map<Integer, VerifiedImage> images = new LinkedHashMap<>();
          for (JsonNode image : client.rows(path + "/images", "images", Map.of(), MAX)) {
            images.put(image.get("number").asInt(), image(image));
          }
          List<ImageFinding> findings = new ArrayList<>();
          for (JsonNode finding : client.rows(path + "/findings", "findings", Map.of(), MAX)) {
            VerifiedImage image = requireNonNull(images.get(finding.get("number").asInt()));
            findings.add(new ImageFinding(image, next(findings, image), finding(finding)));
          }
          return new Verification(row(json), List.copyOf(images.values()), findings);
        });
  }

  /** They come image by image, in the order of finding. */
  private static int next(List<ImageFinding> before, VerifiedImage image) {
    return !before.isEmpty() && before.getLast().image().equals(image)
        ? before.getLast().number() + 1
        : 1;
  }

  private static VerifiedImage image(JsonNode image) {
    return new VerifiedImage(
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
        image.get("bytes_checked").asLong());
  }

  private static FindingRow finding(JsonNode finding) {
    Optional<ByteRange> range =
        finding.get("offset").isNumber()
            ? Optional.of(
                new ByteRange(finding.get("offset").asLong(), finding.get("length").asLong()))
            : Optional.empty();
    return new FindingRow(
        finding.get("number").asInt(),
        finding.get("kind").asString(),
        range,
        disk(finding),
        finding.get("found").asString(),
        finding.get("expected").asString());
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
