package dev.backstep.cli;

import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.ImageFinding;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ImageResult;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.Verification;
import dev.backstep.job.VerifyDocument;
import java.util.List;
import java.util.stream.Collectors;

/** Prints what a verification found. */
final class VerifyText {

  private final Session session;
  private final Engine engine;

  VerifyText(Session session, Engine engine) {
    this.session = session;
    this.engine = engine;
  }

  /** Returns the exit code: failed when anything is damaged. */
  int print(TaskRow task) {
    Verification verification =
        engine
            .verification(task.id())
            .orElseThrow(() -> OperatorException.notFound(task.id() + ": no such verification"));
    if (session.options().json()) {
      session.terminal().result(BackupDocument.text(VerifyDocument.fields(verification)));
    } else {
      print(verification);
    }
    return verification.row().damaged() == 0 ? 0 : Kind.FAILED.exitCode();
  }

  private void print(Verification verification) {
    for (ImageFinding row : verification.findings()) {
      VerifiedImage image = row.image();
      FindingRow finding = row.finding();
      session
          .terminal()
          .result(
              "DAMAGED  "
                  + BackupText.printable(image.vmName())
                  + " disk "
                  + image.diskId()
                  + "  "
                  + image.backup()
                  + "  "
                  + VerifyDocument.path(image)
                  + finding.range().map(VerifyText::place).orElse("")
                  + ofDisk(finding.disk())
                  + ": "
                  + finding.found()
                  + ", expected "
                  + finding.expected());
    }
    VerificationRow row = verification.row();
    session
        .terminal()
        .result(
            row.checked()
                + " of "
                + row.images()
                + " images checked, "
                + Sizes.bytes(row.task().bytesDone())
                + " of data compared: "
                + (row.damaged() == 0 ? "no damage found" : row.damaged() + " damaged"));
    long uncompared = uncompared(verification.images(), row);
    if (uncompared > 0) {
      session
          .terminal()
          .error(uncompared + " images have no checksums: only their structure could be checked");
    }
  }

  private static long uncompared(List<VerifiedImage> images, VerificationRow row) {
    return row.whole()
        ? images.stream()
            .filter(i -> i.result() == ImageResult.CLEAN && i.bytesChecked() == 0)
            .count()
        : 0;
  }

  private static String ofDisk(List<ByteRange> ranges) {
    return ranges.isEmpty()
        ? ""
        : ranges.stream()
            .map(range -> range.offset() + "+" + range.length())
            .collect(Collectors.joining(", ", " (of the disk: ", ")"));
  }

  private static String place(ByteRange range) {
    return " at byte " + range.offset() + ", " + range.length() + " bytes";
  }
}
