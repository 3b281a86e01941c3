package dev.backstep.job.verify;

import dev.backstep.backup.FilesProbe;
import dev.backstep.backup.GuestBoot;
import dev.backstep.backup.RestoreProbe;
import dev.backstep.backup.ServedPoint;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.RestoreTests;
import dev.backstep.domain.Proof;
import dev.backstep.domain.RunSettings;
import dev.backstep.domain.TestVerdict;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.JobSettings;
import dev.backstep.job.RestoreTestDocument;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
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
 * Puts a restore point to the test. An item is a look at the machine, or the command, so that a
 * stop takes no longer than one; the last look stores the verdict, and what is proven by it, in one
 * transaction. A relaunch begins anew, for a machine cannot be gone on with.
 */
@Component
@StepScope
class BootStep implements ItemStreamReader<RestoreProbe.Verdict>, ItemWriter<RestoreProbe.Verdict> {

  private static final Logger log = LoggerFactory.getLogger(BootStep.class);

  private static final long PAUSE_MILLIS = 100;

  /** Between two looks by which a stop is noticed. */
  private static final int LOOKS = 10;

  private static final RestoreProbe.Verdict NONE_YET = new RestoreProbe.Verdict(false, "");

  private final String id;
  private final long execution;
  private final RunningTasks running;
  private final RestoreTests tests;
  private final BackupQueries backups;
  private final Proofs proofs;
  private final JobSettings settings;

  private @Nullable RestoreProbe boot;
  private @Nullable RestoreTestRow row;
  private boolean ended;

  BootStep(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      @Value("#{stepExecution.jobExecutionId}") long execution,
      RunningTasks running,
      RestoreTests tests,
      BackupQueries backups,
      Proofs proofs,
      JobSettings settings) {
    this.id = id;
    this.execution = execution;
    this.running = running;
    this.tests = tests;
    this.backups = backups;
    this.proofs = proofs;
    this.settings = settings;
  }

  @Override
  public void open(ExecutionContext context) {
    RestoreTestRow test = tests.find(id).orElseThrow();
    row = test;
    List<ServedPoint.Disk> disks = new ArrayList<>();
    BackupRow backup = backups.backup(test.backup());
    for (BackupDiskRow disk : backup.disks()) {
      Path image = BackupDocument.image(backup, disk).orElseThrow();
      disks.add(new ServedPoint.Disk(disk.diskId(), image, disk.virtualSize()));
    }
    try {
      Files.createDirectories(settings.runFolder());
      boot = start(disks, test.task().settings());
      log.info("{}: testing {} with {} disks", id, test.backup(), disks.size());
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  private RestoreProbe start(List<ServedPoint.Disk> disks, String text) throws IOException {
    Path run = settings.runFolder();
    Optional<RunSettings> command = RestoreTestDocument.run(text);
    return command.isPresent()
        ? FilesProbe.start(disks, command.get(), run, line -> log.info("{}: {}", id, line))
        : GuestBoot.start(
            disks,
            RestoreTestDocument.boot(text).orElseThrow(),
            run,
            run,
            line -> log.info("{}: {}", id, line));
  }

  @Override
  public RestoreProbe.@Nullable Verdict read() throws IOException, InterruptedException {
    if (ended || boot == null) {
      return null;
    }
    Optional<RestoreProbe.Verdict> verdict = Optional.empty();
    for (int look = 0; look < LOOKS && verdict.isEmpty(); look++) {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      verdict = boot.look();
    }
    ended = verdict.isPresent();
    return verdict.orElse(NONE_YET);
  }

  @Override
  public void write(Chunk<? extends RestoreProbe.Verdict> chunk) throws IOException {
    RestoreTestRow test = row;
    RestoreProbe.Verdict last = chunk.getItems().getLast();
    if (test == null || last.equals(NONE_YET)) {
      return;
    }
    running.lock(id);
    if (last.alive()) {
      tests.ended(id, TestVerdict.PASSED, last.detail());
      for (BackupDiskRow disk : backups.backup(test.backup()).disks()) {
        proofs.proven(disk.id(), Proof.BOOTED, execution);
      }
    } else {
      log.error("{}: {} does not pass: {}", id, test.backup(), last.detail());
      tests.ended(id, TestVerdict.FAILED, last.detail());
    }
  }

  @Override
  public void close() {
    RestoreProbe opened = boot;
    boot = null;
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        throw new ItemStreamException(e.getMessage(), e);
      }
    }
  }
}
