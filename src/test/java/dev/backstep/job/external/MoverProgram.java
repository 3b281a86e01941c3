package dev.backstep.job.external;

import dev.backstep.catalog.BackupQueries;
import dev.backstep.catalog.BackupRow;
import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.catalog.Launch;
import dev.backstep.domain.BackupId;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.RequestedLevel;
import dev.backstep.job.BackupJobs;
import dev.backstep.job.ExternalBackup;
import dev.backstep.job.ExternalBackups;
import dev.backstep.job.backup.BackupConfiguration;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.image.ImageSourceProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.batch.jdbc.autoconfigure.BatchJdbcAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.jdbc.autoconfigure.DataSourceTransactionManagerAutoConfiguration;
import org.springframework.boot.liquibase.autoconfigure.LiquibaseAutoConfiguration;
import org.springframework.boot.transaction.autoconfigure.TransactionAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What a server has of backups of movers, and the shortest words for what tests ask of it. */
final class MoverProgram implements AutoCloseable {

  /** Not annotated as a configuration: the program under test would find it on the class path. */
  @ImportAutoConfiguration({
    DataSourceTransactionManagerAutoConfiguration.class,
    TransactionAutoConfiguration.class,
    LiquibaseAutoConfiguration.class,
    BatchJdbcAutoConfiguration.class
  })
  @Import({CatalogConfiguration.class, BackupConfiguration.class, ExternalConfiguration.class})
  static class Application {
    @Bean
    SourceProvider imageSource() {
      return new ImageSourceProvider();
    }
  }

  private final ConfigurableApplicationContext context;

  private MoverProgram(ConfigurableApplicationContext context) {
    this.context = context;
  }

  /**
   * @param settings of the environment, as those of a database
   */
  static MoverProgram start(Path home, Map<String, String> settings) throws IOException {
    Files.createDirectories(home);
    List<String> properties = new ArrayList<>(List.of("backstep.home=" + home));
    settings.forEach((name, value) -> properties.add(name + "=" + value));
    // Logging asks for it before any property is there.
    System.setProperty("backstep.home", home.toString());
    ConfigurableApplicationContext context =
        new SpringApplicationBuilder(Application.class)
            .web(WebApplicationType.NONE)
            .registerShutdownHook(false)
            .logStartupInfo(false)
            .properties(properties.toArray(String[]::new))
            .run();
    MoverProgram program = new MoverProgram(context);
    program.jobs().recoverDead();
    program.movers().watch();
    return program;
  }

  /** A server in a process of its own; its first line says that it serves, or why not. */
  static Process startProcess(Path home, Path definition, Map<String, String> settings)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:TieredStopAtLevel=1");
    settings.forEach((name, value) -> command.add("-D" + name + "=" + value));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(MoverProgram.class.getName(), home.toString(), definition.toString()));
    return new ProcessBuilder(command)
        .directory(home.toFile()) // an empty part of the class path means this folder
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Begins a backup of a definition, prints each disk's export, and serves until it is killed. */
  static void main(String[] arguments) throws Exception {
    MoverProgram program = start(Path.of(arguments[0]), Map.of());
    ExternalBackup backup = program.begin(Files.readString(Path.of(arguments[1])));
    System.out.println(backup.id());
    backup.disks().forEach(disk -> System.out.println(disk.export().orElseThrow()));
    System.out.flush();
    Thread.sleep(Long.MAX_VALUE);
  }

  ExternalBackups movers() {
    return context.getBean(ExternalBackups.class);
  }

  BackupJobs jobs() {
    return context.getBean(BackupJobs.class);
  }

  BackupQueries queries() {
    return context.getBean(BackupQueries.class);
  }

  JdbcClient jdbc() {
    return JdbcClient.create(context.getBean(javax.sql.DataSource.class));
  }

  <T> T bean(Class<T> type) {
    return context.getBean(type);
  }

  /** Begins a backup whose images are exported. */
  ExternalBackup begin(String definition) {
    return begin(definition, true);
  }

  ExternalBackup begin(String definition, boolean export, ExternalBackups.DiskRequest... disks) {
    return begin(
        definition,
        RequestedLevel.AUTO,
        new ExternalBackups.Request(export, false, Optional.empty(), List.of(disks)));
  }

  ExternalBackup begin(String definition, RequestedLevel level, ExternalBackups.Request request) {
    Launch launch = Launch.byApi("tester", List.of("nightly")).ofMover();
    return movers().begin(JobDefinitions.read(definition), level, launch, request);
  }

  ExternalBackup complete(String id, int diskId, String changeId) {
    return complete(id, diskId, changeId, 0);
  }

  ExternalBackup complete(String id, int diskId, String changeId, int interruptions) {
    return movers()
        .complete(
            id,
            new ExternalBackups.Completion(
                OptionalInt.of(diskId), Optional.of(new ChangeId(changeId)), 4096, interruptions));
  }

  BackupRow row(BackupId id) {
    return queries().backup(id);
  }

  @Override
  public void close() {
    context.close();
  }
}
