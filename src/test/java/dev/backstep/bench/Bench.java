package dev.backstep.bench;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.RestoreJobs;
import dev.backstep.job.VerifyJobs;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.image.ImageSourceProvider;
import dev.backstep.source.nbd.NbdSourceProvider;
import dev.backstep.testing.Tool;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.quartz.autoconfigure.QuartzAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Import;

/**
 * Whole backup jobs in a running process, database included, beside the commands of the field on
 * the same inputs in the same run. Arguments: work folder, rounds, size of the disk in MiB, and
 * optionally the names of the cases to run.
 */
public final class Bench {

  private final TestBed bed;
  private final Set<String> only;

  /** What the program is made of, less its command line. */
  @SpringBootConfiguration
  @EnableAutoConfiguration(exclude = QuartzAutoConfiguration.class)
  @Import(CatalogConfiguration.class)
  @ComponentScan(basePackages = "dev.backstep.job")
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

  private Bench(TestBed bed, Set<String> only) {
    this.bed = bed;
    this.only = only;
  }

  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]).toAbsolutePath();
    System.setProperty("backstep.home", folder.resolve("home").toString());
    SpringApplication application = new SpringApplication(Application.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    application.setLogStartupInfo(false);
    try (ConfigurableApplicationContext context = application.run()) {
      Set<String> only = Set.copyOf(List.of(args).subList(3, args.length));
      TestBed bed =
          new TestBed(
              folder,
              Integer.parseInt(args[2]),
              new Measure(Integer.parseInt(args[1])),
              context.getBean(BackupJobs.class),
              context.getBean(VerifyJobs.class),
              context.getBean(RestoreJobs.class),
              context.getBean(BackupQueries.class),
              new ArrayList<>(),
              new AtomicInteger());
      new Bench(bed, only).run();
      for (Measure.Row row : bed.rows()) {
        System.out.println(row.markdown());
      }
    }
    System.exit(0);
  }

  private boolean wanted(String name) {
    return only.isEmpty() || only.contains(name);
  }

  private void run() throws Exception {
    Path raw = bed.folder().resolve("disk.raw");
    if (!Files.exists(raw) || Files.size(raw) != (long) bed.mib() << 20) {
      new Inputs(bed.folder()).raw("disk.raw", bed.mib());
    }
    Tool.run("bash", "-c", "cat " + raw + " > /dev/null");
    new WarmUp(bed).run(raw);
    RawCases full = new RawCases(bed);
    NbdCases nbd = new NbdCases(bed);
    if (wanted("full-raw")) {
      full.fullRaw(raw);
    }
    if (wanted("overhead")) {
      full.overhead(raw);
    }
    if (wanted("checksums")) {
      full.checksums(raw);
    }
    if (wanted("full-nbd")) {
      nbd.fullNbd(raw);
    }
    if (wanted("zstd")) {
      full.zstd(raw, 3, 0.60);
      full.zstd(raw, 1, 0.45);
    }
    if (wanted("incremental")) {
      nbd.incremental(raw, "incremental, 1% changed", 640, 64 << 10, 256 << 10);
      nbd.incremental(
          raw,
          "incremental, 1% changed, with a night of the audit",
          640,
          64 << 10,
          256 << 10,
          true);
      nbd.incremental(raw, "incremental, scattered 4 KiB", 2048, 4 << 10, 4 << 10);
    }
    if (wanted("restore")) {
      new RestoreCases(bed).restore(raw);
    }
    if (wanted("restore-vm")) {
      new MachineRestoreCases(bed).restore();
    }
    if (wanted("differential")) {
      new DifferentialCases(bed).restore(raw);
    }
    if (wanted("serve-nbd")) {
      new ServeCases(bed).serve(raw);
    }
    if (wanted("verify")) {
      new VerifyCases(bed).verify(raw);
    }
    if (wanted("merge")) {
      new MergeCases(bed).merge(raw);
    }
    if (wanted("consolidate")) {
      new MergeCases(bed).consolidate(raw);
    }
    if (wanted("four")) {
      new FourDiskCases(bed).fourDisks();
    }
    if (wanted("sparse")) {
      new SparseCases(bed).sparse();
    }
  }
}
