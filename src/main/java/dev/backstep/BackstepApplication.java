package dev.backstep;

import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.catalog.DatabaseBusyException;
import dev.backstep.job.OperatorException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import liquibase.integration.spring.SpringLiquibase;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.jdbc.autoconfigure.DataSourceTransactionManagerAutoConfiguration;
import org.springframework.boot.liquibase.autoconfigure.LiquibaseAutoConfiguration;
import org.springframework.boot.transaction.autoconfigure.TransactionAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/**
 * Starts Spring for the commands that need it. What is configured is named here one by one: looking
 * through everything on the class path would cost each command most of a second.
 */
@Configuration(proxyBeanMethods = false)
@ImportAutoConfiguration({
  DataSourceTransactionManagerAutoConfiguration.class,
  TransactionAutoConfiguration.class,
  LiquibaseAutoConfiguration.class
})
@Import(CatalogConfiguration.class)
public class BackstepApplication {

  /**
   * Starts with the database's tables brought up to date. Closing the context stops running backups
   * at a chunk and waits for them.
   *
   * @param home the folder of this installation's state; made when absent
   * @param runsJobs whether backups will be launched; questions about them do with less
   * @param verbose whether the log also goes to standard error
   * @throws OperatorException when it cannot be started; the message says why
   * @throws DatabaseBusyException when another process has the embedded database open
   */
  static ConfigurableApplicationContext start(Path home, boolean runsJobs, boolean verbose) {
    SpringApplication application =
        runsJobs
            ? new SpringApplication(BackstepApplication.class, JobsConfiguration.class)
            : new SpringApplication(BackstepApplication.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    application.setLazyInitialization(!runsJobs);
    application.setLogStartupInfo(verbose);
    List<String> properties = new ArrayList<>(List.of("--backstep.home=" + home));
    // Who started us says what went wrong, in one line.
    properties.add("--logging.level.org.springframework.boot.SpringApplication=OFF");
    properties.add("--logging.level.org.springframework.boot.diagnostics=OFF");
    properties.add("--logging.level.org.springframework.context=ERROR");
    if (verbose) {
      properties.add("--logging.threshold.console=INFO");
    }
    try {
      ConfigurableApplicationContext context = application.run(properties.toArray(String[]::new));
      context.getBean(SpringLiquibase.class);
      return context;
    } catch (RuntimeException e) {
      throw explained(e);
    }
  }

  private static RuntimeException explained(RuntimeException thrown) {
    Throwable root = thrown;
    for (@Nullable Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof DatabaseBusyException || cause instanceof OperatorException) {
        return (RuntimeException) cause;
      }
      root = cause;
    }
    return OperatorException.failed("cannot start: " + root.getMessage(), thrown);
  }
}
