package dev.backstep.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.VerifyJobs;
import java.nio.file.Path;
import java.util.Optional;

/** Proving that an image is what was written. Nobody has it in the page cache. */
final class VerifyCases extends BenchCase {

  private final VerifyJobs jobs;

  VerifyCases(TestBed bed) {
    super(bed);
    this.jobs = bed.verifyJobs();
  }

  void verify(Path raw) throws Exception {
    Path repository = newRepository();
    BackupRow backup =
        backUp(definition("verify", images(raw), repository, RequestedLevel.FULL, 0, 2));
    Path image = image(backup, 0);
    // As dd(1) says it: the file's pages are let go.
    String cold = "dd if=" + image + " iflag=nocache count=0 status=none && ";
    compare(backup, "`sha256sum` of the image", cold + "sha256sum " + image);
    compare(
        backup,
        "`qemu-img check` + `qemu-img compare -T none` with the disk",
        cold
            + "qemu-img check -q "
            + image
            + " && "
            + cold
            + "qemu-img compare -q -T none -f raw -F qcow2 "
            + raw
            + " "
            + image);
    remove(repository);
  }

  private void compare(BackupRow backup, String peer, String command) throws Exception {
    rows.add(
        measure.compare(
            "verify, data",
            peer,
            0.50,
            () -> Measure.inProcess(() -> verified(backup)),
            () -> Measure.commands(folder, command),
            () -> {}));
  }

  private void verified(BackupRow backup) throws Exception {
    TaskRow row = finish(jobs.verify(Optional.of(backup.id()), true));
    assertThat(row.bytesDone()).isGreaterThan(backup.disks().getFirst().bytesTransferred());
  }
}
