package dev.backstep.job.restore;

import dev.backstep.backup.DiskRestore;
import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.RestoreScope;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.RestoredDisk;
import dev.backstep.catalog.Restores;
import dev.backstep.domain.Proof;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
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
 * One disk's partition. An item is a number of blocks; the last one is 0 and ends the disk, exactly
 * once, also when there was nothing to write.
 */
@Component
@StepScope
class RestoreStep implements ItemStreamReader<Integer>, ItemWriter<Integer> {

  private static final Logger log = LoggerFactory.getLogger(RestoreStep.class);

  /** What a kill costs at most; forcing more often costs speed. */
  private static final Duration CHECKPOINT_PERIOD = Duration.ofSeconds(2);

  private static final String STATE = "state";
  private static final int END = 0;

  private final String id;
  private final int diskId;
  private final Restores restores;
  private final RunningTasks running;
  private final Proofs proofs;
  private final long execution;
  private @Nullable DiskRestore restore;
  private Optional<String> state = Optional.empty();
  private long checkpointAt = System.nanoTime();
  private boolean ended;

  RestoreStep(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      @Value("#{stepExecution.stepName}") String stepName,
      @Value("#{stepExecution.jobExecutionId}") long execution,
      Restores restores,
      RunningTasks running,
      Proofs proofs) {
    this.id = id;
    this.diskId = Integer.parseInt(stepName.substring(stepName.lastIndexOf('-') + 1));
    this.restores = restores;
    this.running = running;
    this.proofs = proofs;
    this.execution = execution;
  }

  @Override
  public void open(ExecutionContext context) {
    RestoredDisk disk = disk();
    state = Optional.ofNullable((String) context.get(STATE));
    DiskTarget target =
        new DiskTarget(
            DiskTarget.Kind.valueOf(disk.targetKind().toUpperCase(Locale.ROOT)), disk.target());
    DiskRestore.Request request =
        new DiskRestore.Request(
            Path.of(disk.image()),
            disk.virtualSize(),
            target,
            RestoreScope.valueOf(disk.scope()),
            disk.heldImage().map(Path::of));
    try {
      DiskRestore opened = DiskRestore.open(request, state, disk.begun());
      restore = opened;
      restores.begun(id, diskId, Math.max(opened.bytesTotal(), disk.bytesTotal()));
      log.info(
          "{}: disk {} to {}{}",
          id,
          diskId,
          disk.target(),
          state.map(at -> ", going on at " + at).orElse(""));
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  private RestoredDisk disk() {
    return restores.disks(id).stream()
        .filter(one -> one.diskId() == diskId)
        .findFirst()
        .orElseThrow();
  }

  private DiskRestore restore() {
    if (restore == null) {
      throw new IllegalStateException(id + " disk " + diskId + " is not open");
    }
    return restore;
  }

  @Override
  public @Nullable Integer read() {
    if (ended) {
      return null;
    }
    Optional<Integer> next = restore().next();
    ended = next.isEmpty();
    return next.orElse(END);
  }

  @Override
  public void write(Chunk<? extends Integer> chunk) throws IOException {
    running.check(id); // a target may be another run's by now
    boolean last = false;
    for (Integer count : chunk) {
      if (count == END) {
        last = true;
      } else {
        restore().put(count);
      }
    }
    if (last) {
      restore().finish();
      if (restore().isOfAll()) {
        proofs.proven(disk().diskBackupId(), Proof.RESTORED, execution);
      }
    } else if (System.nanoTime() - checkpointAt > CHECKPOINT_PERIOD.toNanos()) {
      state = restore().checkpoint();
      checkpointAt = System.nanoTime();
    }
    restores.progress(
        id, running.leaseToken(id), diskId, restore().bytesDone(), restore().bytesWritten());
  }

  @Override
  public void update(ExecutionContext context) {
    state.ifPresent(known -> context.putString(STATE, known));
  }

  @Override
  public void close() {
    DiskRestore opened = restore;
    restore = null;
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        throw new ItemStreamException(e.getMessage(), e);
      }
    }
  }
}
