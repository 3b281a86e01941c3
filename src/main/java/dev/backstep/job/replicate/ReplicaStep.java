package dev.backstep.job.replicate;

import dev.backstep.backup.CbtAudit;
import dev.backstep.backup.CopyItem;
import dev.backstep.backup.DiskReplica;
import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.ReplicaPlan;
import dev.backstep.backup.ReplicaPlanner;
import dev.backstep.backup.ReplicaTarget;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.ReplicaDisk;
import dev.backstep.catalog.Replicas;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.catalog.Tasks;
import dev.backstep.catalog.Transactions;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.Reason;
import dev.backstep.domain.ReplicaState;
import dev.backstep.domain.Status;
import dev.backstep.job.ReplicationEvent;
import dev.backstep.job.TargetNames;
import dev.backstep.job.TaskJob;
import dev.backstep.source.SourceDisk;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.item.ItemStreamReader;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;

/**
 * One disk's partition: plans it, audits its tracking, writes its target in place and, with the
 * seal, makes its change id visible in the chunk's transaction, behind the forced target. It knows
 * one disk only.
 */
@Component
@StepScope
class ReplicaStep implements ItemStreamReader<CopyItem>, ItemWriter<CopyItem> {

  private static final Logger log = LoggerFactory.getLogger(ReplicaStep.class);

  /** What a kill costs at most; forcing more often costs speed. */
  private static final Duration CHECKPOINT_PERIOD = Duration.ofSeconds(2);

  private static final String STATE = "state";

  /** What else was begun onto the target before the state: it counts until another thing is. */
  private static final String WRITTEN_BY = "writtenBy";

  private final String id;
  private final int number;
  private final ActiveReplications actives;
  private final Replicas replicas;
  private final ReplicationQueries queries;
  private final Tasks tasks;
  private final Transactions transactions;
  private final ApplicationEventPublisher events;

  private @Nullable Work work;
  private @Nullable CbtAudit audit;
  private @Nullable DiskReplica replica;
  private Optional<String> state = Optional.empty();
  private long auditPosition;
  private long checkpointAt = System.nanoTime();
  private long toldWritten;
  private boolean ended;

  /** What is known of the disk from the begin on. */
  private record Work(
      ActiveReplication active,
      ReplicationRunDisk row,
      SourceDisk source,
      ReplicaTarget target,
      Optional<ReplicaDisk> held,
      ReplicaPlan plan) {

    long token() {
      return active.leaseToken();
    }

    /** Whether a run has written this very target. */
    boolean own() {
      return held.flatMap(ReplicaDisk::target).equals(row.target())
          && target.isSame(held.flatMap(ReplicaDisk::identity));
    }

    String writtenBy() {
      return held.flatMap(ReplicaDisk::writtenBy).orElse("");
    }

    Work with(ReplicaPlan other) {
      return new Work(active, row, source, target, held, other);
    }
  }

  ReplicaStep(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      @Value("#{stepExecution.stepName}") String stepName,
      ActiveReplications actives,
      Replicas replicas,
      ReplicationQueries queries,
      Tasks tasks,
      PlatformTransactionManager manager,
      ApplicationEventPublisher events) {
    this.id = id;
    this.number = ReplicaPartitions.number(stepName);
    this.actives = actives;
    this.replicas = replicas;
    this.queries = queries;
    this.tasks = tasks;
    this.transactions = new Transactions(manager);
    this.events = events;
  }

  @Override
  public void open(ExecutionContext context) {
    ReplicationRunDisk row = row(queries.run(id).orElseThrow());
    if (row.status() == Status.COMPLETED || row.target().isEmpty()) {
      ended = true;
      return;
    }
    try {
      take(row);
      ReplicationRun run = queries.run(id).orElseThrow();
      row = row(run);
      Work planned = plan(run, row);
      work = planned;
      boolean same =
          planned.writtenBy().equals(context.getString(WRITTEN_BY, ""))
              && row.reason().equals(Optional.of(planned.plan().reason()))
              && row.previousChangeId().equals(planned.plan().previousChangeId());
      state = same ? Optional.ofNullable((String) context.get(STATE)) : Optional.empty();
      if (state.isEmpty()) {
        context.remove(STATE);
      }
      auditPosition = planned.held().map(ReplicaDisk::auditPosition).orElse(0L);
      audit = openAudit(planned);
      if (audit == null) {
        begin(planned, Optional.empty());
      }
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  private ReplicationRunDisk row(ReplicationRun run) {
    return run.disks().stream().filter(disk -> disk.number() == number).findFirst().orElseThrow();
  }

  /** Committed before anything is planned, for the plan stands on what the target holds. */
  private void take(ReplicationRunDisk row) throws IOException {
    String target = row.target().orElseThrow();
    Set<String> names = TargetNames.of(DiskTarget.onto(target));
    transactions.apart(() -> {
      replicas.take(id, actives.get(id).leaseToken(), number, row.diskKey(), target, names);
      return id;
    });
  }

  private Work plan(ReplicationRun run, ReplicationRunDisk row) throws IOException {
    ActiveReplication active = actives.get(id);
    SourceDisk source = active.disk(row.diskKey().value());
    ReplicaTarget target = ReplicaTarget.find(row.target().orElseThrow());
    List<ReplicaDisk> all = queries.replicas(run.vmPath());
    Optional<ReplicaDisk> held =
        all.stream().filter(disk -> disk.diskKey().equals(row.diskKey())).findFirst();
    boolean others = all.stream().anyMatch(disk -> disk.takenAt().isPresent());
    Optional<Reason> begun = row.reason().filter(reason -> reason != Reason.CHANGED_EXTENTS);
    ReplicaPlan plan =
        begun.isPresent()
            ? ReplicaPlanner.goOn(source, target, row.previousChangeId(), begun.get(), row.cause())
            : new ReplicaPlanner(run.level(), active.definition().cbtReset())
                .plan(source, target, held.map(ReplicaStep::held), others);
    return new Work(active, row, source, target, held, plan);
  }

  private static ReplicaPlanner.Held held(ReplicaDisk disk) {
    return new ReplicaPlanner.Held(
        disk.changeId(),
        disk.target().orElse(""),
        disk.identity(),
        disk.writtenBy(),
        disk.state() == ReplicaState.WHOLE,
        disk.virtualSize(),
        disk.takenAt().isPresent());
  }

  private @Nullable CbtAudit openAudit(Work work) throws IOException {
    CbtAuditDefinition settings = work.active().definition().cbtAudit();
    if (!work.plan().keepsChangeId() || state.isPresent() || settings.isOff()) {
      return null;
    }
    Duration since =
        Duration.between(
            work.held().flatMap(ReplicaDisk::takenAt).orElseThrow(),
            work.active().snapshot().takenAt());
    return CbtAudit.ofReplica(
        work.plan().clusters(),
        work.source(),
        work.target().target(),
        settings,
        auditPosition,
        since,
        id.hashCode());
  }

  /**
   * From here on the plan stands. That the target is about to be written is committed before its
   * first byte is, and apart from the chunk.
   */
  private void begin(Work work, Optional<CbtAudit.Result> found) throws IOException {
    ReplicaPlan plan = work.plan();
    DiskReplica opened = DiskReplica.open(plan, work.source(), work.target(), work.own(), state);
    replica = opened;
    transactions.apart(() -> {
      if (state.isPresent()) {
        replicas.continued(id, work.token(), number);
      } else {
        replicas.planned(
            id,
            work.token(),
            number,
            new Replicas.Plan(
                plan.reason(), plan.cause(), plan.previousChangeId(), opened.bytesTotal()));
      }
      if (found.isPresent()) {
        CbtAudit.Result result = found.get();
        replicas.audited(id, work.token(), number, result.bytesCompared(), result.bytesDiffering());
      }
      replicas.begun(
          id,
          work.token(),
          work.row().diskKey(),
          work.row().target().orElseThrow(),
          plan.keepsChangeId());
      return id;
    });
    log.info(
        "{} disk {}: {} ({}){} to {}{}",
        id,
        work.row().diskKey(),
        plan.reason().level().word(),
        plan.reason(),
        plan.cause().isEmpty() ? "" : ": " + plan.cause(),
        work.target().target().place(),
        state.map(at -> ", going on at byte " + at).orElse(""));
  }

  @Override
  public @Nullable CopyItem read() throws IOException {
    if (ended) {
      return null;
    }
    if (audit != null) {
      Optional<Long> audited = audit.next();
      if (audited.isPresent()) {
        return new CopyItem.Audited(audited.get());
      }
      endAudit(audit);
    }
    Optional<Integer> next = replica().next();
    ended = next.isEmpty();
    return ended ? new CopyItem.Seal() : new CopyItem.Blocks(next.orElseThrow());
  }

  private void endAudit(CbtAudit done) throws IOException {
    CbtAudit.Result found = done.result();
    // Before the target is opened for writing: its server may take one client only.
    done.close();
    audit = null;
    Work decided = work();
    if (found.trackingLied()) {
      String cause = found.text("the target");
      log.error("{} disk {}: {}", id, decided.row().diskKey(), cause);
      decided =
          decided.with(
              ReplicaPlanner.full(
                  decided.source(),
                  decided.target(),
                  decided.plan().previousChangeId(),
                  Reason.CBT_AUDIT_FAILED,
                  cause));
      work = decided;
    }
    auditPosition = found.position();
    begin(decided, Optional.of(found));
  }

  @Override
  public void write(Chunk<? extends CopyItem> chunk) throws IOException {
    // Nothing rolls a target back: a process that slept through its lease must not write it.
    tasks.check(id, work().token());
    boolean seal = false;
    for (CopyItem item : chunk) {
      switch (item) {
        case CopyItem.Audited audited -> log.trace("{} {}", id, audited);
        case CopyItem.Blocks(int count) -> replica().put(count);
        case CopyItem.Pause pause -> log.trace("{} {}", id, pause);
        case CopyItem.Seal() -> seal = true;
      }
    }
    if (replica == null) {
      return;
    }
    if (seal) {
      seal();
    } else if (System.nanoTime() - checkpointAt > CHECKPOINT_PERIOD.toNanos()) {
      state = replica().checkpoint();
      checkpointAt = System.nanoTime();
      progress();
    } else {
      progress();
    }
  }

  private void seal() throws IOException {
    ReplicaTarget.Identity identity = replica().finish();
    progress();
    Work done = work();
    replicas.completed(
        id,
        done.token(),
        number,
        done.row().diskKey(),
        new Replicas.Held(
            done.source().changeId(),
            identity.toString(),
            done.source().sizeBytes(),
            done.active().snapshot().takenAt(),
            done.plan().keepsChangeId() ? auditPosition : 0));
  }

  private void progress() throws FencedException {
    long written = replica().bytesWritten();
    replicas.progress(id, work().token(), number, replica().bytesDone(), written);
    events.publishEvent(new ReplicationEvent.Copied(Math.max(0, written - toldWritten)));
    toldWritten = Math.max(toldWritten, written);
  }

  @Override
  public void update(ExecutionContext context) {
    state.ifPresent(known -> {
      context.putString(STATE, known);
      context.putString(WRITTEN_BY, work().writtenBy());
    });
  }

  @Override
  public void close() {
    try (CbtAudit _ = audit;
        DiskReplica _ = replica) {
      audit = null;
      replica = null;
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  private DiskReplica replica() {
    return Objects.requireNonNull(replica, () -> id + " disk " + number + " is not open");
  }

  private Work work() {
    return Objects.requireNonNull(work, () -> id + " disk " + number + " is not open");
  }
}
