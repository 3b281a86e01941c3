package dev.backstep.job.external;

import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;

/** What backups of external movers need beside the catalog and what all jobs share. */
@Configuration(proxyBeanMethods = false)
@ComponentScan
@EnableConfigurationProperties(ExternalSettings.class)
class ExternalConfiguration {}
