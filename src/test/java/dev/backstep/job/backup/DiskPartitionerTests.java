package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class DiskPartitionerTests {

  @Test
  void aStepsNameTellsItsDiskEvenWhenItsContextWasNeverWritten() {
    assertThat(DiskPartitioner.diskId("disk:disk-17.snapshot-3")).isEqualTo(17);
    assertThatThrownBy(() -> DiskPartitioner.diskId("disks"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("disks");
  }
}
