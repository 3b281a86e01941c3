package dev.backstep.domain;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What to back up and how: the content of one {@code jobs/<name>.yaml}.
 *
 * @param vmName the VM's name shown everywhere, unique; the selection's own where the source
 *     selects VMs
 * @param exclude keys of disks to leave out
 * @param repository a folder's absolute path
 * @param compressionLevel zstd level 1 to 19; without meaning when compression is NONE
 * @param parallelDisksMax disks of this VM copied at once, at least 1
 * @param chainLimit most images in a chain, at least 1; at the limit the next backup is full
 * @param immutable how long nobody may change or delete a restore point's files
 * @param copies made behind each scheduled backup
 */
public record JobDefinition(
    String vmName,
    SourceDefinition source,
    Set<DiskKey> exclude,
    String repository,
    RequestedLevel level,
    CbtResetPolicy cbtReset,
    Compression compression,
    int compressionLevel,
    ChecksumKind checksum,
    int parallelDisksMax,
    int chainLimit,
    CbtAuditDefinition cbtAudit,
    Optional<ScheduleDefinition> schedule,
    Optional<RetentionDefinition> retention,
    Optional<VerifyDefinition> verify,
    Optional<RestoreTestDefinition> restoreTest,
    List<CopyDefinition> copies,
    Optional<Duration> immutable,
    Optional<ReplicationDefinition> replication) {

  public JobDefinition {
    exclude = Set.copyOf(exclude);
    copies = List.copyOf(copies);
  }

  /** Of a VM of which nothing but backups is made. */
  public JobDefinition(
      String vmName,
      SourceDefinition source,
      Set<DiskKey> exclude,
      String repository,
      RequestedLevel level,
      CbtResetPolicy cbtReset,
      Compression compression,
      int compressionLevel,
      int parallelDisksMax,
      int chainLimit,
      CbtAuditDefinition cbtAudit,
      Optional<ScheduleDefinition> schedule,
      Optional<RetentionDefinition> retention) {
    this(
        vmName,
        source,
        exclude,
        repository,
        level,
        cbtReset,
        compression,
        compressionLevel,
        ChecksumKind.CRC32C,
        parallelDisksMax,
        chainLimit,
        cbtAudit,
        schedule,
        retention,
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same, keeping everything. */
  public JobDefinition withoutRetention() {
    return new JobDefinition(
        vmName,
        source,
        exclude,
        repository,
        level,
        cbtReset,
        compression,
        compressionLevel,
        checksum,
        parallelDisksMax,
        chainLimit,
        cbtAudit,
        schedule,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same of one VM, where this one stands for several. */
  public JobDefinition of(String name, SourceDefinition naming) {
    return new JobDefinition(
        name,
        naming,
        exclude,
        repository,
        level,
        cbtReset,
        compression,
        compressionLevel,
        checksum,
        parallelDisksMax,
        chainLimit,
        cbtAudit,
        schedule,
        retention,
        verify,
        restoreTest,
        copies,
        immutable,
        replication);
  }

  /** The VM's stable id; sources without one of their own use the name. */
  public VmId vmId() {
    return VmId.ofName(vmName);
  }
}
