package dev.backstep.job.replicate;

import dev.backstep.backup.CbtAudit;
import dev.backstep.backup.ReplicaTarget;
import dev.backstep.catalog.Replicas;
import dev.backstep.catalog.ReplicationQueries;
import dev.backstep.catalog.ReplicationRun;
import dev.backstep.catalog.ReplicationRunDisk;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import dev.backstep.job.TaskJob;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
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
import org.springframework.stereotype.Component;

/**
 * Reads the disks of the snapshot and their targets and compares them, one disk after the other,
 * where the run was asked to. An item is a disk's number; writing it compares a part of that disk.
 */
@Component("replicaComparison")
@StepScope
class CompareReplicas implements ItemStreamReader<Integer>, ItemWriter<Integer> {

  private static final Logger log = LoggerFactory.getLogger(CompareReplicas.class);

  /** In one chunk. */
  private static final long PART_BYTES = 64L << 20;

  private static final String DISK = "disk";
  private static final String POSITION = "position";
  private static final String COMPARED = "compared";
  private static final String DIFFERING = "differing";

  private final String id;
  private final ActiveReplications actives;
  private final Replicas replicas;
  private final ReplicationQueries queries;
  private final Tasks tasks;

  private List<ReplicationRunDisk> disks = List.of();
  private int index;
  private @Nullable CbtAudit comparison;

  /** Of the disk in work, up to the position, what was compared before this comparison began. */
  private long position;

  private long comparedBefore;
  private long differingBefore;

  CompareReplicas(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      ActiveReplications actives,
      Replicas replicas,
      ReplicationQueries queries,
      Tasks tasks) {
    this.id = id;
    this.actives = actives;
    this.replicas = replicas;
    this.queries = queries;
    this.tasks = tasks;
  }

  @Override
  public void open(ExecutionContext context) {
    ReplicationRun run = queries.run(id).orElseThrow();
    if (!run.verify() || run.disks().stream().anyMatch(ReplicationRunDisk::differs)) {
      return;
    }
    disks = run.disks().stream().filter(disk -> disk.status() == Status.COMPLETED).toList();
    int number = context.getInt(DISK, -1);
    for (int i = 0; i < disks.size(); i++) {
      if (disks.get(i).number() == number) {
        index = i;
        position = context.getLong(POSITION);
        comparedBefore = context.getLong(COMPARED);
        differingBefore = context.getLong(DIFFERING);
      }
    }
  }

  @Override
  public @Nullable Integer read() {
    return index < disks.size() ? disks.get(index).number() : null;
  }

  @Override
  public void write(Chunk<? extends Integer> chunk) throws IOException {
    ActiveReplication active = actives.get(id);
    tasks.check(id, active.leaseToken());
    ReplicationRunDisk disk = disks.get(index);
    CbtAudit opened = open(active, disk);
    long part = 0;
    Optional<Long> next = opened.next();
    while (next.isPresent() && part < PART_BYTES) {
      part += next.get();
      next = opened.next();
    }
    boolean last = next.isEmpty();
    CbtAudit.Result found = opened.result();
    long compared = comparedBefore + found.bytesCompared();
    long differing = differingBefore + found.bytesDiffering();
    replicas.compared(id, active.leaseToken(), disk.number(), disk.diskKey(), compared, differing);
    if (found.trackingLied()) {
      log.error(
          "{} disk {}: {} of {} bytes of its target are not those of the snapshot, the first at"
              + " byte {}",
          id,
          disk.diskKey(),
          differing,
          compared,
          found.differing().getFirst().offset());
    }
    if (last) {
      close();
      index++;
      position = 0;
      comparedBefore = 0;
      differingBefore = 0;
    } else {
      position = opened.comparedUpTo();
    }
  }

  private CbtAudit open(ActiveReplication active, ReplicationRunDisk disk) throws IOException {
    CbtAudit opened = comparison;
    if (opened == null) {
      opened =
          CbtAudit.whole(
              active.disk(disk.diskKey().value()),
              ReplicaTarget.find(disk.target().orElseThrow()).target(),
              position);
      comparison = opened;
    }
    return opened;
  }

  @Override
  public void update(ExecutionContext context) {
    if (index < disks.size()) {
      CbtAudit.Result found = comparison == null ? null : comparison.result();
      context.putInt(DISK, disks.get(index).number());
      context.putLong(POSITION, position);
      context.putLong(COMPARED, comparedBefore + (found == null ? 0 : found.bytesCompared()));
      context.putLong(DIFFERING, differingBefore + (found == null ? 0 : found.bytesDiffering()));
    }
  }

  @Override
  public void close() {
    CbtAudit opened = comparison;
    comparison = null;
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        throw new ItemStreamException(e.getMessage(), e);
      }
    }
  }
}
