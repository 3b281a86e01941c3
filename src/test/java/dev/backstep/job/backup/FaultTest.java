package dev.backstep.job.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.backup.DiskTarget;
import dev.backstep.backup.ImageMerge;
import dev.backstep.blockio.FileRecording;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.Compression;
import dev.backstep.domain.CopyDefinition;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.RetentionDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.CopyJobs;
import dev.backstep.job.MergeJobs;
import dev.backstep.job.PruneJobs;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.RestoreRequest;
import dev.backstep.job.TaskJobs;
import dev.backstep.job.TaskRun;
import dev.backstep.job.copy.CopyConfiguration;
import dev.backstep.job.restore.RestoreConfiguration;
import dev.backstep.job.retention.RetentionConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.ReplacementSteps;
import dev.backstep.repository.Repository;
import dev.backstep.testing.Acknowledged;
import dev.backstep.testing.CatalogWitness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Small VMs, what can be done with their backups, and files that are watched meanwhile. */
@Import({
  TaskParts.class,
  RetentionConfiguration.class,
  CopyConfiguration.class,
  RestoreConfiguration.class
})
abstract class FaultTest extends JobTest {

  @Autowired BackupJobs jobs;
  @Autowired BackupQueries queries;
  @Autowired RestorePointRemoval removal;
  @Autowired PruneJobs prunes;
  @Autowired MergeJobs merges;
  @Autowired CopyJobs copies;
  @Autowired RestoreJobs restores;
  @Autowired TaskJobs tasks;
  @Autowired JdbcClient jdbc;
  @Autowired DataSource database;
  @TempDir Path folder;

  private int machines;

  /** A VM of its own, with a repository of its own. */
  final class Victim implements AutoCloseable {

    final String vm;
    final Path root;
    final SimulatedSource.Machine machine;
    final Acknowledged acknowledged = new Acknowledged();
    private final Work work;
    private final List<String> begun = new ArrayList<>();

    Victim(Work work) throws Exception {
      this.work = work;
      vm = "victim-" + System.nanoTime() + "-" + machines++;
      root = Files.createDirectory(folder.resolve(vm));
      machine = SimulatedSource.machine(vm);
      machine.disks.put("a", new SimulatedDisk("a", 200_000, new Random(machines)));
      machine.disks.put("b", new SimulatedDisk("b", work.secondDiskBytes(), new Random(-machines)));
      for (int i = 0; i < work.before; i++) {
        backUp(i == 2 ? Compression.ZSTD : Compression.NONE);
        assertThat(isComplete()).as("%s", newest()).isTrue();
      }
      work.prepare(this);
    }

    VmId vmId() {
      return VmId.ofName(vm);
    }

    CatalogWitness witness() {
      return new CatalogWitness(database, vmId(), vm);
    }

    FileRecording record() {
      FileRecording recording = FileRecording.start(root, witness());
      if (work == Work.SHARING_MERGE) {
        recording.shareBlocks();
        recording.punchHoles();
      }
      if (work == Work.PUNCHING_RESTORE) {
        recording.punchHoles();
      }
      return recording;
    }

    JobDefinition definition(Compression compression, String... fields) {
      return SimulatedSource.definition(
          vm,
          root.resolve(Acknowledged.REPOSITORY),
          Stream.concat(
                  Stream.of(
                      "max-parallel-disks: 1",
                      "compression: " + compression.name().toLowerCase(Locale.ROOT)),
                  Stream.of(fields))
              .toArray(String[]::new));
    }

    void backUp(Compression compression) throws Exception {
      backUp(compression, RequestedLevel.AUTO);
    }

    void backUp(Compression compression, RequestedLevel level, String... fields) throws Exception {
      machine.disks.values().forEach(SimulatedDisk::write);
      await(jobs.launch(definition(compression, fields), level));
    }

    void backUpAsItIs() throws Exception {
      await(jobs.launch(definition(Compression.NONE), RequestedLevel.AUTO));
      assertThat(isComplete()).as("%s", newest()).isTrue();
    }

    /** Restore points that are not among the last go, those that others stand on stay. */
    void prune(int last) throws Exception {
      await(prunes.prune(List.of(keeping(last)), vm));
    }

    private JobDefinition keeping(int last) {
      return definition(Compression.NONE, "retention: { last: " + last + " }");
    }

    /** Restore points that are not among the last go, from under those that stay. */
    void merge(int last, boolean consolidate) throws Exception {
      await(merges.merge(List.of(keeping(last)), consolidate, vm));
    }

    /** A disk's newest image is written anew, standing on nothing, and its manifest says so. */
    void halfReplace() throws IOException {
      DiskFolder images = Repository.open(root.resolve(Acknowledged.REPOSITORY)).disk(vmId(), 0);
      DiskBackupId id = newest().orElseThrow().disks().getFirst().id();
      DiskManifest.Replacement next;
      try (ImageMerge merge =
          ImageMerge.open(
              new ImageMerge.Request(images, id, Optional.empty(), Compression.NONE, 1),
              Optional.empty())) {
        while (merge.put()) {}
        next = merge.finish(Instant.now());
      }
      ReplacementSteps.run(images, id, next, 2);
    }

    /** Raw files with something else where disks are restored to. */
    void otherDisks(int... sizesBytes) throws IOException {
      for (int disk = 0; disk < sizesBytes.length; disk++) {
        byte[] other = new byte[sizesBytes[disk]];
        new Random(disk).nextBytes(other);
        Files.write(restored(disk, DiskTarget.Kind.EXISTING), other);
      }
    }

    void copy(Optional<RetentionDefinition> retention) throws Exception {
      await(
          copies.copy(
              definition(Compression.NONE),
              new CopyDefinition(root.resolve(Acknowledged.COPIES).toString(), retention),
              vm));
    }

    /** Where a disk is restored to. */
    Path restored(int disk, DiskTarget.Kind kind) throws IOException {
      Path place = root.resolve("restored");
      return Files.createDirectories(place).resolve("disk-" + disk + "." + kind.word());
    }

    void restore(DiskTarget.Kind... kinds) throws Exception {
      BackupId point = points().getFirst();
      Map<Integer, DiskTarget> targets = new HashMap<>();
      for (int disk = 0; disk < kinds.length; disk++) {
        Path file = restored(disk, kinds[disk]);
        targets.put(disk, new DiskTarget(kinds[disk], file.toString()));
        acknowledged.restored(
            root.relativize(file).toString(),
            acknowledged.content(point, disk),
            kinds[disk] != DiskTarget.Kind.EXISTING);
      }
      await(restores.restore(new RestoreRequest(point.value(), targets, false, Optional.empty())));
    }

    private void await(TaskRun run) throws Exception {
      begun.add(run.id());
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      if (run.state().status() != Status.COMPLETED) {
        throw new IllegalStateException(run.state().error().orElse("no error"));
      }
    }

    void await(BackupRun run) throws Exception {
      assertThat(run.await(Duration.ofMinutes(2))).isTrue();
      remember(run.backup());
    }

    /** A backup knows what its disks held at its snapshot, if it has come so far. */
    private void remember(BackupId id) {
      Map<String, byte[]> frozen = machine.lastSnapshot();
      if (frozen != null) {
        Map<Integer, byte[]> contents = new HashMap<>();
        int diskId = 0;
        for (String key : List.of("a", "b")) {
          contents.put(diskId++, frozen.get(key));
        }
        acknowledged.held(id, contents);
      }
    }

    /** Newest first. */
    List<BackupId> points() {
      return queries.list(Optional.of(vm), 100).stream()
          .filter(row -> row.status() == Status.COMPLETED)
          .map(BackupRow::id)
          .toList();
    }

    /** Empty when the newest backup was not even begun. */
    Optional<BackupRow> newest() {
      return queries.list(Optional.of(vm), 100).stream().findFirst();
    }

    boolean isComplete() {
      return newest().map(BackupRow::status).equals(Optional.of(Status.COMPLETED));
    }

    void delete(BackupId id) {
      removal.delete(id.value());
    }

    /** The next start, after a death that left the backup running; goes on with what can go on. */
    void startAgain() throws Exception {
      jdbc.sql(
              "update backups set status = 'RUNNING', active_vm_id = vm_id, lease_token = 999999999"
                  + " where vm_id = :vm and status = 'FAILED'")
          .param("vm", vmId().value())
          .update();
      jobs.recoverDead();
      jobs.closeSnapshots();
      for (BackupRow row : new ArrayList<>(queries.list(Optional.of(vm), 100))) {
        assertThat(row.status()).isNotIn(Status.RUNNING, Status.DELETING);
        if (row.status() == Status.FAILED) {
          await(jobs.relaunch(row.id().value()));
          BackupRow after = queries.backup(row.id());
          assertThat(after.status()).as("%s", after.error()).isEqualTo(Status.COMPLETED);
        }
      }
      for (String task : List.copyOf(begun)) {
        jdbc.sql(
                "update tasks set status = 'RUNNING', lease_token = 999999999"
                    + " where id = :id and status = 'FAILED'")
            .param("id", task)
            .update();
        tasks.recoverDead();
        if (!isCompleted(task)) {
          await(tasks.relaunch(task));
        }
      }
    }

    private boolean isCompleted(String task) {
      return jdbc.sql("select count(*) from tasks where id = :id and status = 'COMPLETED'")
              .param("id", task)
              .query(Integer.class)
              .single()
          > 0;
    }

    void check(String when) throws IOException {
      acknowledged.check(root, witness().get(), when);
    }

    @Override
    public void close() {
      SimulatedSource.remove(vm);
    }
  }
}
