package dev.backstep.job.backup;

import dev.backstep.backup.CbtAudit;
import dev.backstep.backup.CopyItem;
import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlan;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.backup.UnreadableBaseException;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.CbtAudits;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Baseline;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupEvent;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.source.SourceDisk;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

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

  /** The reason of the plan that the image is made by. */
  private static final String IMAGE_REASON = "image_reason";

  private static final String BYTES_READ = "bytes_read";

  private final Backups backups;
  private final CbtAudits audits;
  private final Transactions transactions;
  private final BackupQueries queries;
  private final ApplicationEventPublisher events;
  private final ActiveBackup active;
  private final int diskId;
  private @Nullable CbtAudit audit;
  private @Nullable DiskPlan plan;
  private @Nullable DiskBackup copy;
  private @Nullable SourceDisk disk;
  private @Nullable BackupDiskRow row;
  private long bytesReadBefore;
  private long toldRead;
  private long toldStored;
  private int unwritten;
  private boolean sealed;

  DiskStep(
      Backups backups,
      CbtAudits audits,
      PlatformTransactionManager manager,
      BackupQueries queries,
      ActiveBackups actives,
      ApplicationEventPublisher events,
      @Value("#{jobParameters['" + BackupJobConfiguration.JOB + "']}") String backup,
      @Value("#{stepExecution.stepName}") String stepName) {
    this.backups = backups;
    this.audits = audits;
    this.transactions = new Transactions(manager);
    this.queries = queries;
    this.events = events;
    this.active = actives.get(new BackupId(backup));
    this.diskId = DiskPartitioner.diskId(stepName);
  }

  /**
   * Plans the disk, then begins its copy or goes on with it from the last committed chunk. Where
   * tracking is audited the copy begins behind the audit.
   */
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
    DiskPlan planned = plan(source, folder);
    plan = planned;
    Optional<WriterState> resume =
        DiskCopies.samePlan(known, planned)
                && madeBy(planned, context)
                && DiskBackup.canResume(folder, known.id())
            ? Optional.ofNullable((String) context.get(IMAGE_STATE)).map(WriterState::parse)
            : Optional.empty();
    bytesReadBefore = resume.isPresent() ? context.getLong(BYTES_READ, 0L) : 0L;
    if (resume.isEmpty()) {
      context.remove(IMAGE_STATE);
    }
    if (resume.isPresent()) {
      backups.continued(known.id(), active.leaseToken());
    } else {
      backups.planned(known.id(), active.leaseToken(), DiskCopies.catalogPlan(planned, source));
    }
    try {
      if (resume.isEmpty() && planned.reason() == Reason.CHANGED_EXTENTS) {
        audit = openAudit(planned, source, folder);
      }
      if (audit == null) {
        begin(planned, resume);
      }
    } catch (UnreadableBaseException e) {
      begin(withoutBase(e), Optional.empty());
    }
  }

  /** A plan may have been given up for another one since the image's state was remembered. */
  private static boolean madeBy(DiskPlan plan, ExecutionContext context) {
    return plan.reason().name().equals(context.getString(IMAGE_REASON, plan.reason().name()));
  }

  private @Nullable CbtAudit openAudit(DiskPlan plan, SourceDisk source, DiskFolder folder)
      throws IOException {
    CbtAuditDefinition settings = active.definition().cbtAudit();
    if (settings.isOff()) {
      return null;
    }
    Baseline base = plan.base().orElseThrow();
    Duration since = Duration.between(base.takenAt(), active.snapshot().takenAt());
    return CbtAudit.open(plan, source, folder, settings, since, row().id().value().hashCode());
  }

  /** What this disk's restore points need is damaged: the next ones do not stand on it. */
  private DiskPlan withoutBase(UnreadableBaseException found) throws IOException {
    log.error("{} disk {}: {}", active.id(), diskId, found.getMessage());
    DiskFolder folder = active.repository().disk(active.vm(), diskId);
    DiskPlan decided = planner(folder).unreadableBase(disk(), baseline(), found.sentence());
    transactions.apart(() -> {
      backups.planned(row().id(), active.leaseToken(), DiskCopies.catalogPlan(decided, disk()));
      found.damaged().ifPresent(backups::damaged);
      return decided;
    });
    return decided;
  }

  private void begin(DiskPlan decided, Optional<WriterState> resume) throws IOException {
    plan = decided;
    DiskFolder folder = active.repository().disk(active.vm(), diskId);
    DiskBackup opened =
        DiskCopies.open(DiskCopies.request(active, row(), decided, disk()), disk(), folder, resume);
    copy = opened;
    toldRead = 0;
    toldStored = opened.durable().map(WriterState::hostOffset).orElse(0L);
    active.copying(diskId, opened);
    log.info(
        "{} disk {}: {} ({}){}{}",
        active.id(),
        diskId,
        decided.level().word(),
        decided.reason(),
        decided.cause().isEmpty() ? "" : ": " + decided.cause(),
        resume.map(state -> ", going on at byte " + state.guestOffset()).orElse(""));
  }

  private DiskPlan plan(SourceDisk source, DiskFolder folder) throws IOException {
    Optional<Baseline> baseline = baseline();
    if (row().reason().equals(Optional.of(Reason.CBT_AUDIT_FAILED))) {
      return planner(folder).trackingLied(source, baseline, row().cause());
    }
    if (row().reason().equals(Optional.of(Reason.BASE_FAILED_VERIFY))) {
      return planner(folder).unreadableBase(source, baseline, row().cause());
    }
    boolean vmHasBackups =
        queries.anyCompletedBefore(active.repository().id(), active.vm(), active.id());
    return planner(folder).plan(source, baseline, vmHasBackups);
  }

  private Optional<Baseline> baseline() {
    return queries.baseline(active.repository().id(), active.vm(), diskId);
  }

  private DiskPlanner planner(DiskFolder folder) {
    JobDefinition definition = active.definition();
    RequestedLevel level = queries.backup(active.id()).requestedLevel();
    return new DiskPlanner(
        new DiskPlanner.Settings(level, definition.cbtReset(), definition.chainLimit()), folder);
  }

  /** The next item; the last one is the seal, exactly once; null behind it. */
  @Nullable CopyItem next() throws IOException {
    if (sealed) {
      return null;
    }
    if (audit != null) {
      try {
        Optional<Long> audited = audit.next();
        if (audited.isPresent()) {
          return new CopyItem.Audited(audited.get());
        }
        endAudit(audit);
      } catch (UnreadableBaseException e) {
        CbtAudit ended = audit;
        audit = null;
        ended.close();
        begin(withoutBase(e), Optional.empty());
      }
    }
    Optional<CopyItem.Blocks> blocks = copy().next();
    if (blocks.isPresent()) {
      unwritten++;
      return blocks.get();
    }
    if (unwritten > 0 && Objects.requireNonNull(plan).compares()) {
      return new CopyItem.Pause(); // the chain may fail yet: no end before all is compared
    }
    sealed = true;
    return new CopyItem.Seal();
  }

  /** From here on the plan stands: the disk's own, or a full one when its tracking lied. */
  private void endAudit(CbtAudit ended) throws IOException {
    CbtAudit.Result found = ended.result();
    Optional<UnreadableBaseException> damage = ended.damage();
    if (damage.isPresent() && !found.trackingLied()) {
      throw damage.get();
    }
    ended.close();
    audit = null;
    DiskPlan decided = Objects.requireNonNull(plan);
    if (found.trackingLied()) {
      log.error("{} disk {}: {}", active.id(), diskId, found.text("the chain"));
      damage.ifPresent(e -> log.error("{} disk {}: {}", active.id(), diskId, e.getMessage()));
      DiskFolder folder = active.repository().disk(active.vm(), diskId);
      decided = planner(folder).trackingLied(disk(), baseline(), found.text("the chain"));
    }
    recordAudit(found, decided, damage.flatMap(UnreadableBaseException::damaged));
    begin(decided, Optional.empty());
  }

  /** Apart from the chunk: a relaunch must know of the lie, whatever becomes of the copy. */
  private void recordAudit(CbtAudit.Result found, DiskPlan decided, Optional<DiskBackupId> damaged)
      throws IOException {
    CbtAudits.Audit audit =
        new CbtAudits.Audit(
            found.bytesCompared(), found.bytesDiffering(), found.position(), found.differing());
    transactions.apart(() -> {
      audits.record(active.id(), row().id(), active.leaseToken(), audit);
      if (found.trackingLied()) {
        backups.planned(row().id(), active.leaseToken(), DiskCopies.catalogPlan(decided, disk()));
      }
      damaged.ifPresent(backups::damaged);
      return audit;
    });
  }

  /** Writes one chunk; called inside its transaction. */
  void write(Iterable<? extends CopyItem> items) throws IOException {
    boolean seal = false;
    try {
      for (CopyItem item : items) {
        switch (item) {
          case CopyItem.Audited audited -> log.trace("{} audited", audited);
          case CopyItem.Blocks blocks -> copy().put(blocks);
          case CopyItem.Pause pause -> log.trace("{}", pause);
          case CopyItem.Seal() -> seal = true;
        }
      }
    } catch (UnreadableBaseException e) {
      beginAnew(e);
    }
    unwritten = 0;
    if (seal) {
      seal();
    } else if (copy != null) {
      copy().checkpoint();
      progress();
    }
  }

  /** The chain cannot be compared with after all: what was copied so far is dropped. */
  private void beginAnew(UnreadableBaseException found) throws IOException {
    DiskBackup ended = copy();
    bytesReadBefore += ended.bytesRead();
    tellCopied(ended.bytesRead(), toldStored);
    ended.close();
    begin(withoutBase(found), Optional.empty());
  }

  private void seal() throws IOException {
    BackupDiskRow current = row();
    DiskManifest manifest =
        copy().seal(Instant.now(), () -> backups.requireOwner(active.id(), active.leaseToken()));
    backups.completeDisk(
        current.id(),
        active.leaseToken(),
        disk().changeId(),
        manifest.image(),
        bytesReadBefore + copy().bytesRead(),
        manifest.dataBytes(),
        manifest.imageBytes(),
        manifest.kindOfChecksums());
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
    if (durable.isPresent()) {
      context.putString(IMAGE_STATE, durable.get().toString());
      context.putString(IMAGE_REASON, Objects.requireNonNull(plan).reason().name());
    }
    context.putLong(BYTES_READ, bytesReadBefore + copy.bytesRead());
  }

  void close() throws IOException {
    if (audit != null) {
      audit.close();
    }
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
}
