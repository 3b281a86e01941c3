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
  private boolean failed;

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
    boolean failed;
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
      Bench bench = new Bench(bed, only);
      bench.run();
      for (Measure.Row row : bed.rows()) {
        System.out.println(row.markdown());
      }
      failed = bench.failed;
    }
    System.exit(failed ? 1 : 0);
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
    measure("full-raw", () -> full.fullRaw(raw));
    measure("overhead", () -> full.overhead(raw));
    measure("checksums", () -> new ChecksumCases(bed).checksums(raw));
    measure("full-nbd", () -> nbd.fullNbd(raw));
    measure(
        "zstd",
        () -> {
          full.zstd(raw, 3, 0.60);
          full.zstd(raw, 1, 0.45);
        });
    measure("incremental", () -> nbd.incrementals(raw));
    measure("restore", () -> new RestoreCases(bed).restore(raw));
    measure("restore-vm", () -> new MachineRestoreCases(bed).restore());
    measure("differential", () -> new DifferentialCases(bed).restore(raw));
    measure("serve-nbd", () -> new ServeCases(bed).serve(raw));
    measure("verify", () -> new VerifyCases(bed).verify(raw));
    measure("merge", () -> new MergeCases(bed).merge(raw));
    measure("consolidate", () -> new MergeCases(bed).consolidate(raw));
    measure("four", () -> new FourDiskCases(bed).fourDisks());
    measure("sparse", () -> new SparseCases(bed).sparse());
  }

  /** A case that fails loses no row of the others. */
  private void measure(String name, Measure.Check cases) {
    if (!only.isEmpty() && !only.contains(name)) {
      return;
    }
    try {
      cases.run();
    } catch (Exception | AssertionError e) {
      failed = true;
      System.err.println("bench: " + name + " did not come to its end");
      e.printStackTrace();
    }
  }
}
