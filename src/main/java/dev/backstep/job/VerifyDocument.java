package dev.backstep.job;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.ImageFinding;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.repository.Repository;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Verifications as JSON, in the form of {@link BackupDocument}. */
public final class VerifyDocument {

  private VerifyDocument() {}

  /** Without images and findings. */
  public static Map<String, @Nullable Object> fields(VerificationRow row) {
    Map<String, @Nullable Object> fields = TaskDocument.fields(row.task());
    fields.put("verdict", row.verdict().name());
    fields.put("backup_id", row.backup().map(BackupId::value).orElse(null));
    fields.put("structure_only", !row.whole());
    fields.put("images_total", row.images());
    fields.put("images_checked", row.checked());
    fields.put("images_damaged", row.damaged());
    return fields;
  }

  public static Map<String, @Nullable Object> fields(Verification verification) {
    Map<String, @Nullable Object> fields = fields(verification.row());
    fields.put("images", verification.images().stream().map(VerifyDocument::image).toList());
    fields.put("findings", verification.findings().stream().map(VerifyDocument::finding).toList());
    return fields;
  }

  public static Map<String, @Nullable Object> image(VerifiedImage image) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("number", image.number());
    fields.put("id", image.image().value());
    fields.put("backup_id", image.backup().value());
    fields.put("vm_name", image.vmName());
    fields.put("vm_id", image.vm().value());
    fields.put("disk_id", image.diskId());
    fields.put("repository_id", image.repository().value());
    fields.put("repository", image.repositoryPath());
    fields.put("image", path(image).toString());
    fields.put("base_id", image.base().map(DiskBackupId::value).orElse(null));
    fields.put("result", image.result().name());
    fields.put("bytes_checked", image.bytesChecked());
    return fields;
  }

  /** The image's file. */
  public static Path path(VerifiedImage image) {
    return Repository.image(
        Path.of(image.repositoryPath()), image.vm(), image.diskId(), image.image());
  }

  public static Map<String, @Nullable Object> finding(ImageFinding row) {
    VerifiedImage image = row.image();
    FindingRow finding = row.finding();
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("number", image.number());
    fields.put("id", image.image().value());
    fields.put("backup_id", image.backup().value());
    fields.put("vm_name", image.vmName());
    fields.put("disk_id", image.diskId());
    fields.put("image", path(image).toString());
    fields.put("kind", finding.kind());
    fields.put("offset", finding.range().map(ByteRange::offset).orElse(null));
    fields.put("length", finding.range().map(ByteRange::length).orElse(null));
    fields.put(
        "disk_ranges",
        finding.disk().stream()
            .map(range -> Map.of("offset", range.offset(), "length", range.length()))
            .toList());
    fields.put("found", finding.found());
    fields.put("expected", finding.expected());
    return fields;
  }
}
