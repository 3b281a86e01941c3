package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What libvirt 9.0 says, word for word. */
class ControlExceptionTests {

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      delimiter = '|',
      textBlock =
          """
          failed to get domain 'nosuch' | NO_DOMAIN
          Domain not found: no domain with matching name 'nosuch' | NO_DOMAIN
          failed to connect to the hypervisor Failed to connect socket to '/x': No such file | NO_DAEMON
          Domain checkpoint not found: Checkpoint 'n' for incremental backup of disk 'vda' not found | NO_CHECKPOINT
          checkpoint inconsistent: missing or broken bitmap 'cp6' for disk 'vda' | BROKEN_CHECKPOINT
          internal error: bitmap 'cp7' not found in backing chain of 'vda' | NO_BITMAP
          Timed out during operation: cannot acquire state change lock (held by monitor=x) | BUSY
          Operation not supported: disk 'vdb' already in active block job | BUSY
          internal error: backup job data missing | BUSY
          Domain backup job id not found: no domain backup job present | NO_BACKUP_JOB
          Requested operation is not valid: no job is active on the domain | NO_JOB
          Operation not supported: cannot perform disk backup for inactive domain | INACTIVE
          Guest agent is not responding: QEMU guest agent is not connected | NO_AGENT
          Guest agent is not responding: Guest agent not available for now | LATE_AGENT
          unsupported configuration: checkpoint for disk vdd unsupported for storage type raw | OTHER
          """)
  void tellsWhyLibvirtRefuses(String said, ControlException.Why why) {
    assertThat(ControlException.Why.of(said)).isEqualTo(why);
  }
}
