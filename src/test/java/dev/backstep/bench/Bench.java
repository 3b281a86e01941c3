package dev.backstep.bench;

import dev.backstep.backup.DiskBackup;
import dev.backstep.backup.DiskPlanner;
import dev.backstep.backup.Restore;
import dev.backstep.backup.RestoreTarget;
import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.CbtResetPolicy;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.domain.Status;
import dev.backstep.domain.VmId;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.BackupRun;
import dev.backstep.job.backup.BackupConfiguration;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.Repository;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.image.ImageSourceProvider;
import dev.backstep.source.nbd.NbdSourceProvider;
import dev.backstep.testing.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.quartz.autoconfigure.QuartzAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;

/**
 * Whole backup jobs in a running process, database included, beside the commands of the field on
 * the same inputs in the same run. Arguments: work folder, rounds, size of the disk in MiB, and
 * optionally the names of the cases to run.
 */
public final class Bench {

  private static final int WARM_UPS = Integer.getInteger("warm", 80);

  private final Path folder;
  private final int mib;
  private final Measure measure;
  private final Set<String> only;
  private final BackupJobs jobs;
  private final BackupQueries queries;
  private final List<Measure.Row> rows = new ArrayList<>();
  private int repositories;

  /** What the program is made of, less its command line. */
  @SpringBootConfiguration
  @EnableAutoConfiguration(exclude = QuartzAutoConfiguration.class)
  @Import({CatalogConfiguration.class, BackupConfiguration.class})
  static class Application {
    @Bean
    SourceProvider imageSource() {
      return new ImageSourceProvider();
    }

    @Bean
    SourceProvider nbdSource() {
      return new NbdSourceProvider();
    }
  }

  private Bench(
      Path folder, int rounds, int mib, Set<String> only, ConfigurableApplicationContext context) {
    this.folder = folder;
    this.mib = mib;
    this.measure = new Measure(rounds);
    this.only = only;
    this.jobs = context.getBean(BackupJobs.class);
    this.queries = context.getBean(BackupQueries.class);
  }

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]).toAbsolutePath();
    System.setProperty("backstep.home", folder.resolve("home").toString());
    SpringApplication application = new SpringApplication(Application.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    application.setLogStartupInfo(false);
    try (ConfigurableApplicationContext context = application.run()) {
      Set<String> only = Set.copyOf(List.of(args).subList(3, args.length));
      Bench bench =
          new Bench(folder, Integer.parseInt(args[1]), Integer.parseInt(args[2]), only, context);
      bench.run();
      for (Measure.Row row : bench.rows) {
        System.out.println(row.markdown());
      }
    }
    System.exit(0);
  }

  private boolean wanted(String name) {
    return only.isEmpty() || only.contains(name);
  }

  private void run() throws Exception {
    Path raw = folder.resolve("disk.raw");
    if (!Files.exists(raw) || Files.size(raw) != (long) mib << 20) {
      new Inputs(folder).raw("disk.raw", mib);
    }
    Tool.run("bash", "-c", "cat " + raw + " > /dev/null");
    warmUp();
    if (wanted("full-raw")) {
      fullRaw(raw);
    }
    if (wanted("overhead")) {
      overhead(raw);
    }
    if (wanted("full-nbd")) {
      fullNbd(raw);
    }
    if (wanted("zstd")) {
      zstd(raw, 3, 0.60);
      zstd(raw, 1, 0.45);
    }
    if (wanted("incremental")) {
      incremental(raw, "incremental, 1% changed", 640, 64 << 10, 256 << 10);
      incremental(raw, "incremental, scattered 4 KiB", 2048, 4 << 10, 4 << 10);
    }
    if (wanted("restore")) {
      restore(raw);
    }
    if (wanted("four")) {
      fourDisks();
    }
    if (wanted("sparse")) {
      sparse();
    }
  }

  /** Backups until the program is compiled, as in a process that has run for some nights. */
  private void warmUp() throws Exception {
    Path small = new Inputs(folder).raw("warm.raw", 128);
    Path live = folder.resolve("warm.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", small, live);
    Path repository = newRepository();
    double last = 0;
    for (int i = 0; i < WARM_UPS; i++) {
      Path disk = i % 2 == 0 ? small : live;
      RequestedLevel level = i % 4 == 3 ? RequestedLevel.AUTO : RequestedLevel.FULL;
      int zstdLevel = i % 8 == 0 ? 1 : 0;
      last =
          Measure.inProcess(
                  () -> backUp(definition("warm", images(disk), repository, level, zstdLevel, 2)))
              .wall();
    }
    System.err.printf("warm: a backup of %s takes %.3f s%n", live.getFileName(), last);
    remove(repository);
    remove(small);
    remove(live);
  }

  private JobDefinition definition(
      String vm,
      SourceDefinition source,
      Path repository,
      RequestedLevel level,
      int zstdLevel,
      int parallel) {
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
        Optional.empty(),
        Optional.empty());
  }

  private static SourceDefinition images(Path... disks) {
    List<DiskDefinition> list = new ArrayList<>();
    for (Path disk : disks) {
      list.add(new DiskDefinition(new DiskKey("d" + list.size()), disk.toString(), Map.of()));
    }
    return new SourceDefinition("image", list, Map.of());
  }

  private Path newRepository() {
    return folder.resolve("repository-" + ++repositories);
  }

  private BackupRow backUp(JobDefinition definition) throws Exception {
    BackupRun run = jobs.launch(definition, definition.level());
    if (!run.await(Duration.ofMinutes(10)) || run.status() != Status.COMPLETED) {
      throw new IOException(run.backup() + " is " + run.status() + ": " + run.error());
    }
    return queries.backup(run.backup());
  }

  private static Path image(BackupRow backup, int disk) {
    return Path.of(backup.repositoryPath())
        .resolve("vms/" + backup.vmId() + "/disk-" + disk)
        .resolve(backup.disks().get(disk).image().orElseThrow());
  }

  private static void remove(Path path) {
    Tool.run("rm", "-rf", path);
  }

  private Measure.Check checked(List<BackupRow> made, Path model, String format, Path... peers) {
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

  private void fullRaw(Path raw) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    rows.add(
        measure.compare(
            "full from a raw file",
            "`qemu-img convert -W -m 8 -t none -O qcow2`",
            1.00,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "raw", images(raw), newRepository(), RequestedLevel.FULL, 0, 2)))),
            () ->
                Measure.commands(
                    folder, "qemu-img convert -f raw -W -m 8 -t none -O qcow2 disk.raw peer.qcow2"),
            checked(made, raw, "raw", peer)));
  }

  /** The same copy by the same classes without Batch, database and progress. */
  private void overhead(Path raw) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path bare = folder.resolve("bare");
    rows.add(
        measure.compare(
            "job, database and progress",
            "the same copy without them",
            1.03,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "raw", images(raw), newRepository(), RequestedLevel.FULL, 0, 2)))),
            () -> Measure.inProcess(() -> copyOnly(raw, bare)),
            () -> {
              checked(made, raw, "raw").run();
              remove(bare);
            }));
  }

  private void copyOnly(Path raw, Path target) throws Exception {
    Repository repository = Repository.openOrCreate(target);
    VmId vm = VmId.ofName("bare");
    DiskFolder disks = repository.disk(vm, 0);
    BackupId id = new BackupId("bare-" + System.nanoTime());
    Path run = Files.createDirectories(folder.resolve("run"));
    try (Snapshot snapshot =
        new ImageSourceProvider()
            .open(images(raw), run)
            .snapshot(new SnapshotRequest(repository.id(), id, Map.of(), Set.of()))) {
      var disk = snapshot.disks().getFirst();
      var settings = new DiskPlanner.Settings(RequestedLevel.FULL, CbtResetPolicy.FULL, 60);
      var plan = new DiskPlanner(settings, disks).plan(disk, Optional.empty(), false);
      var request =
          new DiskBackup.Request(
              id,
              new DiskBackupId(id.value()),
              repository.id(),
              vm,
              "bare",
              0,
              disk.key(),
              Optional.empty(),
              plan,
              snapshot.takenAt(),
              Compression.NONE,
              1);
      try (DiskBackup copy = DiskBackup.open(request, disk, disks, Optional.empty())) {
        for (var item = copy.next(); item.isPresent(); item = copy.next()) {
          copy.put(item.get());
        }
        copy.seal(Instant.now(), () -> {});
      }
    }
  }

  private Process serve(Path disk, String format, String socket, String... more) throws Exception {
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

  private SourceDefinition nbd(String socket, Map<String, String> settings) {
    String uri = "nbd+unix:///?socket=" + folder.resolve(socket);
    return new SourceDefinition(
        "nbd", List.of(new DiskDefinition(new DiskKey("d0"), uri, settings)), Map.of());
  }

  private void fullNbd(Path raw) throws Exception {
    Process server = serve(raw, "raw", "src.sock", "-r");
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    Measure.Way ours =
        () ->
            Measure.inProcess(() ->
                made.add(
                    backUp(
                        definition(
                            "nbd",
                            nbd("src.sock", Map.of()),
                            newRepository(),
                            RequestedLevel.FULL,
                            0,
                            2))));
    String uri = "'nbd+unix:///?socket=src.sock'";
    try {
      rows.add(
          measure.compare(
              "full over NBD",
              "`qemu-img convert` from the NBD URI, likewise",
              1.00,
              ours,
              () ->
                  Measure.commands(
                      folder,
                      "qemu-img convert -f raw -W -m 8 -t none -O qcow2 " + uri + " peer.qcow2"),
              checked(made, raw, "raw", peer)));
      rows.add(
          measure.compare(
              "full over NBD",
              "`nbdcopy --flush` into a `qemu-nbd` qcow2",
              0.60,
              ours,
              () -> nbdcopy(uri),
              checked(made, raw, "raw", peer)));
    } finally {
      server.destroy();
      server.waitFor();
    }
  }

  private Measure.Cost nbdcopy(String uri) throws Exception {
    Tool.run("qemu-img", "create", "-q", "-f", "qcow2", folder.resolve("peer.qcow2"), mib + "M");
    Files.deleteIfExists(folder.resolve("dst.sock"));
    Process target =
        serve(
            folder.resolve("peer.qcow2"),
            "qcow2",
            "dst.sock",
            "--cache=none",
            "--aio=native",
            "--discard=unmap");
    try {
      return Measure.commands(folder, "nbdcopy --flush " + uri + " 'nbd+unix:///?socket=dst.sock'");
    } finally {
      target.destroy();
      target.waitFor();
    }
  }

  private void zstd(Path raw, int level, double goal) throws Exception {
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    long[] sizes = new long[2];
    Measure.Check check = checked(made, raw, "raw", peer);
    rows.add(
        measure.compare(
            "full, zstd level " + level,
            "`qemu-img convert -c -o compression_type=zstd -W -m 8`",
            goal,
            () ->
                Measure.inProcess(() ->
                    made.add(
                        backUp(
                            definition(
                                "zstd",
                                images(raw),
                                newRepository(),
                                RequestedLevel.FULL,
                                level,
                                2)))),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img convert -f raw -c -o compression_type=zstd -W -m 8 -O qcow2 disk.raw"
                        + " peer.qcow2 && sync peer.qcow2"),
            () -> {
              sizes[0] = Files.size(image(made.getFirst(), 0));
              sizes[1] = Files.size(peer);
              check.run();
            }));
    System.out.printf(
        "zstd level %d: %d MiB stored, by qemu-img %d MiB%n",
        level, sizes[0] >> 20, sizes[1] >> 20);
  }

  private void incremental(Path raw, String name, int count, int bytesMin, int bytesMax)
      throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    Tool.run("qemu-img", "bitmap", "--add", "-g", "65536", live, "b0");
    Path repository = newRepository();
    Process server = serve(live, "qcow2", "live.sock", "-r", "-B", "b0");
    JobDefinition full =
        definition(
            name,
            nbd("live.sock", Map.of("change-id", "b0")),
            repository,
            RequestedLevel.AUTO,
            0,
            2);
    BackupRow base = backUp(full);
    server.destroy();
    server.waitFor();
    new Inputs(folder).change(live, mib, count, bytesMin, bytesMax);
    Process changed = serve(live, "qcow2", "live.sock", "-r", "-B", "b0");
    List<BackupRow> made = new ArrayList<>();
    Path peer = folder.resolve("peer.qcow2");
    Path baseImage = image(base, 0);
    String script =
        "qemu-img create -q -f qcow2 -F raw -b 'nbd+unix:///?socket=live.sock' peer.qcow2 &&"
            + " nbdinfo --map=qemu:dirty-bitmap:b0 'nbd+unix:///?socket=live.sock' | awk '$3 == 1 {"
            + " for (o = 0; o < $2; o += 16777216) { l = $2 - o; if (l > 16777216) l = 16777216;"
            + " printf \"read -q %.0f %.0f\\n\", $1 + o, l } } END { print \"flush\" }' | qemu-io"
            + " -C -t writeback -f qcow2 peer.qcow2 && qemu-img rebase -u -f qcow2 -F qcow2 -b "
            + baseImage
            + " peer.qcow2";
    try {
      rows.add(
          measure.compare(
              name,
              "`qemu-img create -b` + `nbdinfo --map` + `qemu-io -C` + flush + `rebase -u`",
              0.75,
              () -> Measure.inProcess(() -> made.add(backUp(full))),
              () -> Measure.commands(folder, script),
              checked(made, live, "qcow2", peer)));
    } finally {
      changed.destroy();
      changed.waitFor();
      remove(repository);
      remove(live);
    }
  }

  private void restore(Path raw) throws Exception {
    Path live = folder.resolve("live.qcow2");
    Tool.run("qemu-img", "convert", "-f", "raw", "-W", "-O", "qcow2", raw, live);
    JobDefinition definition =
        definition("chain", images(live), newRepository(), RequestedLevel.AUTO, 0, 2);
    BackupRow top = backUp(definition);
    Inputs inputs = new Inputs(folder);
    for (int i = 0; i < 10; i++) {
      inputs.change(live, mib, 640, 64 << 10, 256 << 10);
      top = backUp(definition);
    }
    BackupRow newest = top;
    Path image = image(newest, 0);
    Path out = folder.resolve("out");
    Repository repository = Repository.open(Path.of(newest.repositoryPath()));
    rows.add(
        measure.compare(
            "restore of a chain of " + newest.disks().getFirst().chainLength() + " to raw",
            "`qemu-img convert -W -m 8 -t none -O raw`",
            0.95,
            () ->
                Measure.inProcess(() ->
                    new Restore(repository)
                        .run(
                            newest.vmId(),
                            repository.restorePoint(newest.vmId(), newest.id()),
                            Optional.empty(),
                            out,
                            RestoreTarget.RAW,
                            (disk, done, total) -> {})),
            () ->
                Measure.commands(
                    folder,
                    "qemu-img convert -f qcow2 -W -m 8 -t none -O raw " + image + " peer.raw"),
            () -> {
              Tool.compare(out.resolve("disk-0.raw"), "raw", live, "qcow2");
              Tool.compare(folder.resolve("peer.raw"), "raw", live, "qcow2");
              remove(out);
              remove(folder.resolve("peer.raw"));
            }));
    remove(repository.root());
    remove(live);
  }

  private void fourDisks() throws Exception {
    Inputs inputs = new Inputs(folder);
    Path[] disks = new Path[4];
    for (int i = 0; i < 4; i++) {
      disks[i] = inputs.raw("four-" + i + ".raw", mib / 4);
    }
    List<BackupRow> made = new ArrayList<>();
    Measure.Way together =
        () ->
            Measure.inProcess(() ->
                made.add(
                    backUp(
                        definition(
                            "four", images(disks), newRepository(), RequestedLevel.FULL, 3, 4))));
    Measure.Check check =
        () -> {
          for (BackupRow backup : made) {
            for (int i = 0; i < backup.disks().size(); i++) {
              Path model =
                  backup.vmName().startsWith("alone")
                      ? folder.resolve(backup.vmName().substring(6))
                      : disks[i];
              Tool.checkImage(image(backup, i));
              Tool.compare(image(backup, i), "qcow2", model, "raw");
            }
            remove(Path.of(backup.repositoryPath()));
          }
          made.clear();
        };
    Measure.Way alone =
        () ->
            Measure.inProcess(() -> {
              for (Path disk : disks) {
                made.add(
                    backUp(
                        definition(
                            "alone-" + disk.getFileName(),
                            images(disk),
                            newRepository(),
                            RequestedLevel.FULL,
                            3,
                            1)));
              }
            });
    rows.add(
        measure.compare(
            "four disks at once, zstd level 3",
            "the same four alone, summed",
            0.80,
            together,
            alone,
            check));
    rows.add(
        measure.compare(
            "four disks at once, uncompressed",
            "the same four alone, summed",
            0.80,
            () -> fourUncompressed(made, 4, disks),
            () -> aloneUncompressed(made, disks),
            check));
    rows.add(
        measure.compare(
            "four disks at once, uncompressed",
            "one after another in the same job",
            1.00,
            () -> fourUncompressed(made, 4, disks),
            () -> fourUncompressed(made, 1, disks),
            check));
    for (Path disk : disks) {
      remove(disk);
    }
  }

  private Measure.Cost aloneUncompressed(List<BackupRow> made, Path... disks) throws Exception {
    return Measure.inProcess(() -> {
      for (Path disk : disks) {
        String vm = "alone-" + disk.getFileName();
        made.add(backUp(definition(vm, images(disk), newRepository(), RequestedLevel.FULL, 0, 1)));
      }
    });
  }

  private Measure.Cost fourUncompressed(List<BackupRow> made, int parallel, Path... disks)
      throws Exception {
    return Measure.inProcess(() ->
        made.add(
            backUp(
                definition(
                    "four", images(disks), newRepository(), RequestedLevel.FULL, 0, parallel))));
  }

  private void sparse() throws Exception {
    Path small = new Inputs(folder).raw("gigabyte.raw", 2048);
    Path large = folder.resolve("sparse.raw");
    Tool.run("cp", "--sparse=always", small, large);
    Tool.run("truncate", "-s", "4T", large);
    List<BackupRow> made = new ArrayList<>();
    rows.add(
        measure.compare(
            "4 TiB sparse disk with 1 GiB of data",
            "that gigabyte alone",
            1.50,
            () -> oneDisk(made, large),
            () -> oneDisk(made, small),
            () -> {
              for (BackupRow backup : made) {
                Tool.checkImage(image(backup, 0));
                Tool.compare(image(backup, 0), "qcow2", small, "raw");
                remove(Path.of(backup.repositoryPath()));
              }
              made.clear();
            }));
    remove(small);
    remove(large);
  }

  private Measure.Cost oneDisk(List<BackupRow> made, Path disk) throws Exception {
    return Measure.inProcess(() ->
        made.add(
            backUp(definition("one", images(disk), newRepository(), RequestedLevel.FULL, 0, 1))));
  }
}
