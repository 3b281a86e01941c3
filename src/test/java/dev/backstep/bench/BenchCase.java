package dev.backstep.bench;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.CbtAuditDefinition;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.domain.Status;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.TaskRun;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** What the cases have in common. */
abstract class BenchCase {

  final Path folder;
  final int mib;
  final Measure measure;
  final List<Measure.Row> rows;
  private final BackupJobs jobs;
  private final BackupQueries queries;
  private final AtomicInteger repositories;

  BenchCase(TestBed bed) {
    this.folder = bed.folder();
    this.mib = bed.mib();
    this.measure = bed.measure();
    this.rows = bed.rows();
    this.jobs = bed.jobs();
    this.queries = bed.queries();
    this.repositories = bed.repositories();
  }

  JobDefinition definition(
      String vm,
      SourceDefinition source,
      Path repository,
      RequestedLevel level,
      int zstdLevel,
      int parallel) {
    return definition(
        vm, source, repository, level, zstdLevel, parallel, CbtAuditDefinition.STANDARD);
  }

  JobDefinition definition(
      String vm,
      SourceDefinition source,
      Path repository,
      RequestedLevel level,
      int zstdLevel,
      int parallel,
      CbtAuditDefinition audit) {
    return new JobDefinition(
        vm,
        source,
        Set.of(),
        repository.toString(),
        level,
        CbtResetPolicy.FULL,
        zstdLevel > 0 ? Compression.ZSTD : Compression.NONE,
        Math.max(1, zstdLevel),
        parallel,
        190,
        audit,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  static SourceDefinition images(Path... disks) {
    List<DiskDefinition> list = new ArrayList<>();
    for (Path disk : disks) {
      list.add(new DiskDefinition(new DiskKey("d" + list.size()), disk.toString(), Map.of()));
    }
    return new SourceDefinition("image", list, Map.of());
  }

  Path newRepository() {
    return folder.resolve("repository-" + repositories.incrementAndGet());
  }

  BackupRow backUp(JobDefinition definition) throws Exception {
    BackupRun run = jobs.launch(definition, definition.level());
    if (!run.await(Duration.ofMinutes(10)) || run.status() != Status.COMPLETED) {
      throw new IOException(run.backup() + " is " + run.status() + ": " + run.error());
    }
    return queries.backup(run.backup());
  }

  /**
   * A full backup and ten incrementals of qcow2 disks.
   *
   * @param extents how many pieces of each disk change between two backups
   * @return the newest
   */
  BackupRow chain(String vm, int extents, Path... disks) throws Exception {
    JobDefinition definition =
        definition(vm, images(disks), newRepository(), RequestedLevel.AUTO, 0, 2);
    BackupRow newest = backUp(definition);
    Inputs inputs = new Inputs(folder);
    for (int i = 0; i < 10; i++) {
      for (Path disk : disks) {
        inputs.change(disk, mib / disks.length, extents, 64 << 10, 256 << 10);
      }
      newest = backUp(definition);
    }
    return newest;
  }

  static TaskRow finish(TaskRun run) throws Exception {
    if (!run.await(Duration.ofMinutes(10)) || run.state().status() != Status.COMPLETED) {
      throw new IOException(run.id() + " is " + run.state());
    }
    return run.state();
  }

  static Path image(BackupRow backup, int disk) {
    return Path.of(backup.repositoryPath())
        .resolve("vms/" + backup.vmId() + "/disk-" + disk)
        .resolve(backup.disks().get(disk).image().orElseThrow());
  }

  static void remove(Path path) {
    Tool.run("rm", "-rf", path);
  }

  Measure.Check checked(List<BackupRow> made, Path model, String format, Path... peers) {
    return () -> {
      for (BackupRow backup : made) {
        Tool.checkImage(image(backup, 0));
        Tool.compare(image(backup, 0), "qcow2", model, format);
        if (backup.disks().getFirst().baseId().isEmpty()) {
          remove(Path.of(backup.repositoryPath()));
        }
      }
      made.clear();
      for (Path peer : peers) {
        Tool.checkImage(peer);
        Tool.compare(peer, "qcow2", model, format);
        remove(peer);
      }
    };
  }

  Process serve(Path disk, String format, String socket, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(List.of("qemu-nbd", "-t", "-e", "16", "-f", format, "-k"));
    command.add(folder.resolve(socket).toString());
    command.addAll(List.of(more));
    command.add(disk.toString());
    Process server = new ProcessBuilder(command).inheritIO().start();
    for (int i = 0; i < 1000 && !Files.exists(folder.resolve(socket)); i++) {
      Thread.sleep(5);
    }
    return server;
  }

  SourceDefinition nbd(String socket, Map<String, String> settings) {
    String uri = "nbd+unix:///?socket=" + folder.resolve(socket);
    return new SourceDefinition(
        "nbd", List.of(new DiskDefinition(new DiskKey("d0"), uri, settings)), Map.of());
  }
}
