package dev.backstep;

import dev.backstep.source.SourceProvider;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.batch.jdbc.autoconfigure.BatchJdbcAutoConfiguration;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.FilterType;

/**
 * What running jobs needs beside {@link BackstepApplication}. Jobs bring their own configuration;
 * sources know no Spring and are found by what they implement.
 */
@Configuration(proxyBeanMethods = false)
@ImportAutoConfiguration(BatchJdbcAutoConfiguration.class)
@ComponentScan(basePackages = "dev.backstep.job")
@ComponentScan(
    basePackages = "dev.backstep.source",
    useDefaultFilters = false,
    includeFilters =
        @ComponentScan.Filter(type = FilterType.ASSIGNABLE_TYPE, classes = SourceProvider.class))
class JobsConfiguration {}
