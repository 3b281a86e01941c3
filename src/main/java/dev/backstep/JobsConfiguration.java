package dev.backstep;

import dev.backstep.job.backup.BackupConfiguration;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.batch.jdbc.autoconfigure.BatchJdbcAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** What running jobs needs on top of {@link BackstepApplication}; names every source there is. */
@Configuration(proxyBeanMethods = false)
@ImportAutoConfiguration(BatchJdbcAutoConfiguration.class)
@Import(BackupConfiguration.class)
class JobsConfiguration {}
