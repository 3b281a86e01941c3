package dev.backstep.job.external;

import dev.backstep.backup.UnforcedImageException;
import dev.backstep.backup.WrongImageException;
import dev.backstep.catalog.BackupDiskRow;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.FencedException;
import dev.backstep.catalog.Launch;
import dev.backstep.catalog.MovedBackups;
import dev.backstep.catalog.VmBusyException;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.Mover;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.Status;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.ExternalBackups;
import dev.backstep.job.Failures;
import dev.backstep.job.OperatorException;
import dev.backstep.job.Refusals;
import dev.backstep.job.Registration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.springframework.stereotype.Component;

/** The calls of movers, one after the other where they concern the same. Thread-safe. */
@Component
class MoverBackups implements ExternalBackups {

  private final BackupQueries queries;
  private final MovedBackups moved;
  private final Registration registration;
  private final DiskSizes sizes;
  private final BackupOpening opening;
  private final DiskCompletion completion;
  private final Ownership ownership;
  private final Serving serving;
  private final Sealing sealing;
  private final Exports exports;
  private final Answers answers;
  private final TurnLocks turns;
  private final MoverWatch watch;
  private final Duration silence;

  MoverBackups(
      BackupQueries queries,
      MovedBackups moved,
      Registration registration,
      DiskSizes sizes,
      BackupOpening opening,
      DiskCompletion completion,
      Ownership ownership,
      Serving serving,
      Sealing sealing,
      Exports exports,
      Answers answers,
      TurnLocks turns,
      MoverWatch watch,
      ExternalSettings settings) {
    this.queries = queries;
    this.moved = moved;
    this.registration = registration;
    this.sizes = sizes;
    this.opening = opening;
    this.completion = completion;
    this.ownership = ownership;
    this.serving = serving;
    this.sealing = sealing;
    this.exports = exports;
    this.answers = answers;
    this.turns = turns;
    this.watch = watch;
    this.silence = settings.externalSilence();
  }

  @Override
  public ExternalBackup begin(
      JobDefinition definition, RequestedLevel level, Launch launch, Request request) {
    if (launch.mover() != Mover.EXTERNAL) {
      throw new IllegalArgumentException("mover " + launch.mover() + ", expected EXTERNAL");
    }
    try (TurnLocks.Hold _ = turns.hold(definition.vmId())) {
      List<MovedDisk> disks = sizes.find(definition, request.disks());
      Repository repository = registration.register(definition);
      long token = ownership.token();
      BackupId id =
          opening.enter(
              new BackupOpening.Opening(
                  definition, level, launch, request, disks, repository, token));
      makeImages(queries.backup(id), repository, request.export(), token);
      return answers.of(id);
    } catch (VmBusyException e) {
      throw OperatorException.busy(Failures.text(e), e);
    } catch (IOException e) {
      throw Refusals.of(e);
    }
  }

  private void makeImages(BackupRow row, Repository repository, boolean export, long token)
      throws IOException {
    try {
      for (BackupDiskRow disk : row.disks()) {
        DiskFolder folder = repository.disk(row.vmId(), disk.diskId());
        BackupOpening.makeImage(folder, disk);
        if (export) {
          exports.begin(disk.id(), folder.partial(disk.id()), token);
        }
      }
    } catch (IOException | RuntimeException e) {
      try {
        row.disks().forEach(disk -> exports.drop(disk.id()));
        serving.giveUp(row, "it could not be begun: " + Failures.text(e));
      } catch (IOException | RuntimeException left) {
        e.addSuppressed(left); // the watch tries again as long as the backup is there
      }
      throw e;
    }
  }

  @Override
  public ExternalBackup keepAlive(String id) {
    BackupRow row = row(id);
    requireExternal(row);
    try (TurnLocks.Hold _ = turns.hold(row.vmId())) {
      long token = ownership.take(row.id());
      renew(row);
      serving.goOn(row, token);
      return answers.of(row.id());
    } catch (IOException e) {
      throw refusal(e);
    }
  }

  @Override
  public ExternalBackup complete(String id, Completion done) {
    if (done.bytesTransferred() < 0 || done.interruptions() < 0) {
      throw OperatorException.usage("bytes and interruptions cannot be negative", null);
    }
    BackupRow row = row(id);
    BackupDiskRow disk = disk(row, id, done.diskId());
    boolean known = DiskCompletion.isDone(disk, done);
    if (known && (!isExternal(row) || row.status() != Status.RUNNING)) {
      return answers.of(row.id());
    }
    requireCopiedByMover(row, disk);
    try {
      renew(row);
      completion.complete(row, disk.diskId(), done);
      try (TurnLocks.Hold _ = turns.hold(row.vmId())) {
        sealing.sealIfWhole(row.id());
      }
      return answers.of(row.id());
    } catch (UnforcedImageException e) {
      throw OperatorException.failed(serving.giveUp(row, e), e);
    } catch (IOException e) {
      throw refusal(e);
    }
  }

  @Override
  public void watch() {
    watch.begin();
  }

  private void renew(BackupRow row) {
    moved.renew(row.id(), Clock.systemUTC().instant().plus(silence));
  }

  private BackupRow row(String id) {
    return queries
        .find(id)
        .orElseThrow(() ->
            OperatorException.notFound(
                id + ": no such backup or disk backup; the list of backups shows the ids"));
  }

  private static BackupDiskRow disk(BackupRow row, String id, OptionalInt diskId) {
    Optional<BackupDiskRow> own =
        row.disks().stream().filter(disk -> disk.id().value().equals(id)).findFirst();
    if (own.isPresent() && !row.id().value().equals(id)) {
      if (diskId.isPresent() && diskId.getAsInt() != own.get().diskId()) {
        throw OperatorException.usage(
            id + " is of disk " + own.get().diskId() + ", not of disk " + diskId.getAsInt(), null);
      }
      return own.get();
    }
    if (diskId.isEmpty() && row.disks().size() != 1) {
      throw OperatorException.usage(
          id + " has " + row.disks().size() + " disks: `disk_id` must say which one is meant",
          null);
    }
    return row.disks().stream()
        .filter(disk -> diskId.isEmpty() || disk.diskId() == diskId.getAsInt())
        .findFirst()
        .orElseThrow(
            () -> OperatorException.notFound(row.id() + " has no disk " + diskId.orElse(0)));
  }

  private static void requireCopiedByMover(BackupRow row, BackupDiskRow disk) {
    if (!isExternal(row)) {
      String text =
          disk.id()
              + " is "
              + disk.status()
              + " and copied by this program, not by a mover outside; only a backup that was begun"
              + " with an external mover is completed by a call";
      throw OperatorException.busy(text, null);
    }
    if (row.status() != Status.RUNNING) {
      throw Ownership.ended(row);
    }
  }

  private static void requireExternal(BackupRow row) {
    if (!isExternal(row)) {
      throw OperatorException.conflict(
          row.id() + " is copied by this program; only movers outside must keep theirs alive",
          null);
    }
  }

  private static boolean isExternal(BackupRow row) {
    return row.launch().mover() == Mover.EXTERNAL;
  }

  private static OperatorException refusal(IOException e) {
    return e instanceof FencedException || e instanceof WrongImageException
        ? OperatorException.failed(Failures.text(e), e)
        : Refusals.of(e);
  }
}
