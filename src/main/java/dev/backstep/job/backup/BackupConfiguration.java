package dev.backstep.job.backup;

import dev.backstep.job.DeadExecutions;
import dev.backstep.job.ExternalLeftovers;
import dev.backstep.job.JobSettings;
import dev.backstep.job.ProcessLease;
import dev.backstep.job.Registration;
import dev.backstep.job.RepositoryLocks;
import dev.backstep.job.RestorePointRemoval;
import dev.backstep.job.Selections;
import dev.backstep.job.Sources;
import dev.backstep.source.SourceProvider;
import java.util.List;
import org.springframework.batch.core.repository.ExecutionContextSerializer;
import org.springframework.batch.core.repository.dao.JacksonExecutionContextStringSerializer;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** Everything that running backups needs beside the catalog and the sources. */
@Configuration(proxyBeanMethods = false)
@ComponentScan
@EnableConfigurationProperties(JobSettings.class)
@Import({
  ProcessLease.class,
  DeadExecutions.class,
  Sources.class,
  Registration.class,
  RepositoryLocks.class,
  ExternalLeftovers.class,
  RestorePointRemoval.class
})
public class BackupConfiguration {

  /** Readable execution contexts: operators query them, and moved classes break no restart. */
  @Bean
  ExecutionContextSerializer executionContextSerializer() {
    return new JacksonExecutionContextStringSerializer();
  }

  @Bean
  Selections selections(List<SourceProvider> providers, JobSettings settings) {
    return new Selections(providers, settings.runFolder());
  }
}
