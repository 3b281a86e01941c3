package dev.backstep.job.backup;

import dev.backstep.backup.CopyItem;
import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlan;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.Leases;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.source.SourceDisk;
import java.io.EOFException;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/**
 * One disk's partition: binds the copying of the disk to its row in the catalog. The reader and the
 * writer of the step share it. This is the only code that stores a change id during a backup, and
 * it knows one disk only.
 */
@Component
@StepScope
class DiskStep {

  private static final Logger log = LoggerFactory.getLogger(DiskStep.class);
  private static final String IMAGE_STATE = "image_state";
  private static final String BYTES_READ = "bytes_read";

  private final Backups backups;
  private final BackupQueries queries;
  private final Leases leases;
  private final ApplicationEventPublisher events;
  private final ActiveBackup active;
  private final int diskId;
  private @Nullable DiskBackup copy;
  private @Nullable SourceDisk disk;
  private @Nullable BackupDiskRow row;
  private long bytesReadBefore;
  private long toldRead;
  private long toldStored;
  private boolean sealed;

  DiskStep(
      Backups backups,
      BackupQueries queries,
      Leases leases,
      ActiveBackups actives,
      ApplicationEventPublisher events,
      @Value("#{jobParameters['" + BackupJobConfiguration.JOB + "']}") String backup,
      @Value("#{stepExecution.stepName}") String stepName) {
    this.backups = backups;
    this.queries = queries;
    this.leases = leases;
    this.events = events;
    this.active = actives.get(new BackupId(backup));
    this.diskId = DiskPartitioner.diskId(stepName);
  }

  /** Plans the disk, then begins its copy or goes on with it from the last committed chunk. */
  void open(ExecutionContext context) throws IOException {
    BackupDiskRow known = queries.disk(active.id(), diskId);
    row = known;
    if (known.status() == Status.COMPLETED) {
      sealed = true;
      return;
    }
    SourceDisk source = active.disk(known.diskKey().value());
    disk = source;
    DiskFolder folder = active.repository().disk(active.vm(), diskId);
    DiskPlan plan = plan(source, folder);
    Optional<WriterState> resume =
        samePlan(known, plan) && DiskBackup.canResume(folder, known.id())
            ? Optional.ofNullable((String) context.get(IMAGE_STATE)).map(WriterState::parse)
            : Optional.empty();
    bytesReadBefore = resume.isPresent() ? context.getLong(BYTES_READ, 0L) : 0L;
    if (resume.isEmpty()) {
      context.remove(IMAGE_STATE);
    }
    if (resume.isPresent()) {
      backups.continued(known.id(), active.leaseToken());
    } else {
      backups.planned(known.id(), active.leaseToken(), catalogPlan(plan, source));
    }
    copy = openCopy(request(known, plan, source), source, folder, resume);
    toldStored = copy.durable().map(WriterState::hostOffset).orElse(0L);
    active.copying(diskId, copy);
    log.info(
        "{} disk {}: {} ({}){}{}",
        active.id(),
        diskId,
        plan.level().word(),
        plan.reason(),
        plan.cause().isEmpty() ? "" : ": " + plan.cause(),
        resume.map(state -> ", going on at byte " + state.guestOffset()).orElse(""));
  }

  private DiskPlan plan(SourceDisk source, DiskFolder folder) throws IOException {
    JobDefinition definition = active.definition();
    Optional<Baseline> baseline = queries.baseline(active.repository().id(), active.vm(), diskId);
    boolean vmHasBackups =
        queries.anyCompletedBefore(active.repository().id(), active.vm(), active.id());
    RequestedLevel level = queries.backup(active.id()).requestedLevel();
    return new DiskPlanner(
            new DiskPlanner.Settings(level, definition.cbtReset(), definition.chainLimit()), folder)
        .plan(source, baseline, vmHasBackups);
  }

  /** Whether the plan is the one that an earlier process has begun. */
  private static boolean samePlan(BackupDiskRow row, DiskPlan plan) {
    return row.reason().equals(Optional.of(plan.reason()))
        && row.baseId().equals(plan.base().map(Baseline::image))
        && row.previousChangeId().equals(plan.previousChangeId())
        && row.virtualSize() == plan.clusters().sizeBytes();
  }

  private DiskBackup.Request request(BackupDiskRow row, DiskPlan plan, SourceDisk source) {
    JobDefinition definition = active.definition();
    return new DiskBackup.Request(
        active.id(),
        row.id(),
        active.repository().id(),
        active.vm(),
        definition.vmName(),
        diskId,
        source.key(),
        source.changeId(),
        plan,
        active.snapshot().takenAt(),
        definition.compression(),
        definition.compressionLevel());
  }

  private static DiskBackup openCopy(
      DiskBackup.Request request,
      SourceDisk source,
      DiskFolder folder,
      Optional<WriterState> resume)
      throws IOException {
    try {
      return DiskBackup.open(request, source, folder, resume);
    } catch (Qcow2FormatException | EOFException e) {
      if (resume.isEmpty()) {
        throw e;
      }
      log.warn(
          "{} cannot go on where it stopped and begins anew: {}", request.id(), e.getMessage());
      return DiskBackup.open(request, source, folder, Optional.empty());
    }
  }

  /** The next item; the last one is the seal, exactly once; null behind it. */
  @Nullable CopyItem next() throws IOException {
    if (sealed) {
      return null;
    }
    Optional<CopyItem.Blocks> blocks = copy().next();
    if (blocks.isEmpty()) {
      sealed = true;
      return new CopyItem.Seal();
    }
    return blocks.get();
  }

  /** Writes one chunk; called inside its transaction. */
  void write(Iterable<? extends CopyItem> items) throws IOException {
    boolean seal = false;
    for (CopyItem item : items) {
      switch (item) {
        case CopyItem.Blocks blocks -> copy().put(blocks);
        case CopyItem.Seal() -> seal = true;
      }
    }
    if (seal) {
      seal();
    } else {
      copy().checkpoint();
      progress();
    }
  }

  private void seal() throws IOException {
    BackupDiskRow current = row();
    DiskManifest manifest =
        copy().seal(Instant.now(), () -> leases.check(active.leaseToken(), active.id()));
    backups.completeDisk(
        current.id(),
        active.leaseToken(),
        disk().changeId(),
        manifest.image(),
        bytesReadBefore + copy().bytesRead(),
        manifest.dataBytes(),
        manifest.imageBytes());
    tellCopied(copy().bytesRead(), manifest.imageBytes());
  }

  private void progress() throws IOException {
    Optional<WriterState> durable = copy().durable();
    backups.progress(
        row().id(),
        active.leaseToken(),
        bytesReadBefore + copy().bytesRead(),
        durable.map(WriterState::bytesData).orElse(0L),
        durable.map(WriterState::hostOffset).orElse(0L));
    tellCopied(copy().bytesRead(), durable.map(WriterState::hostOffset).orElse(toldStored));
  }

  private void tellCopied(long read, long stored) {
    events.publishEvent(new BackupEvent.Copied(read - toldRead, Math.max(0, stored - toldStored)));
    toldRead = read;
    toldStored = stored;
  }

  /** Remembers how far the image is forced to disk; committed with the chunk. */
  void update(ExecutionContext context) throws IOException {
    if (copy == null) {
      return;
    }
    Optional<WriterState> durable = copy.durable();
    durable.ifPresent(state -> context.putString(IMAGE_STATE, state.toString()));
    context.putLong(BYTES_READ, bytesReadBefore + copy.bytesRead());
  }

  void close() throws IOException {
    if (copy != null) {
      copy.close();
    }
  }

  private DiskBackup copy() {
    if (copy == null) {
      throw new IllegalStateException(active.id() + " disk " + diskId + " is not open");
    }
    return copy;
  }

  private SourceDisk disk() {
    if (disk == null) {
      throw new IllegalStateException(active.id() + " disk " + diskId + " is not open");
    }
    return disk;
  }

  private BackupDiskRow row() {
    if (row == null) {
      throw new IllegalStateException(active.id() + " disk " + diskId + " is not open");
    }
    return row;
  }

  private static Backups.Plan catalogPlan(DiskPlan plan, SourceDisk source) {
    return new Backups.Plan(
        plan.reason(),
        plan.cause(),
        plan.previousChangeId(),
        plan.base().map(Baseline::image),
        plan.chainLength(),
        source.sizeBytes(),
        plan.clusters().dataBytes());
  }
}
