package dev.backstep.cli;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.Verification;
import dev.backstep.job.VerifyRun;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

/** A verification that a server runs, asked for its state now and then. */
record RemoteVerify(RemoteClient client, String id) implements VerifyRun {

  static final String PATH = "/api/v1/verifications";

  private static final Duration PAUSE = Duration.ofMillis(250);

  static String path(String id) {
    return PATH + "/" + RemoteClient.encoded(id);
  }

  @Override
  public VerificationRow state() {
    return row(client.get(path(id) + "?details=false"));
  }

  @Override
  public boolean await(Duration timeout) throws InterruptedException {
    long end = System.nanoTime() + timeout.toNanos();
    while (state().status() == Status.RUNNING) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      Thread.sleep(Duration.ofNanos(Math.min(left, PAUSE.toNanos())));
    }
    return true;
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
              finding.get("found").asString(),
              finding.get("expected").asString()));
    }
    return new Verification(row(json), images, findings);
  }

  private static VerificationRow row(JsonNode json) {
    return new VerificationRow(
        json.get("verification_id").asString(),
        RemoteRows.text(json, "backup_id").map(BackupId::new),
        !json.get("structure_only").asBoolean(),
        Status.valueOf(json.get("status").asString()),
        RemoteRows.time(json, "created_at").orElse(Instant.EPOCH),
        RemoteRows.time(json, "completed_at"),
        OptionalLong.empty(),
        json.get("execution_id").isNumber()
            ? OptionalLong.of(json.get("execution_id").asLong())
            : OptionalLong.empty(),
        RemoteRows.text(json, "error"),
        json.get("images_total").asInt(),
        json.get("images_checked").asInt(),
        json.get("images_damaged").asInt(),
        json.get("bytes_total").asLong(),
        json.get("bytes_checked").asLong());
  }
}
